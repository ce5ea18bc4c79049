"""faas-cli invoke: call a function with what arrives on standard input."""

from __future__ import annotations

import os
import sys

from labkit.openfaas_cli.faas_cli.gateway import USER_AGENT, Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.http import HttpReply, HttpRequestError
from labkit.openfaas_cli.faas_cli.http_syntax import NAME_LETTERS, canonical, escape_path
from labkit.openfaas_cli.faas_cli.output import read_input, warn
from labkit.openfaas_cli.faas_cli.stack_file import may_affect_invocation, stack_file
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY, TLS, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.names import DEFAULT_NAMESPACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_FUNCTION_REALM = 'realm="IAM function invoke"'
_RIGHT_FORM = "Please use 'Key: Value' format instead."
_HEADER_FLAG = "the --header or -H flag must take the form of"
_COLON_FORM = f"{_HEADER_FLAG} 'Key: Value'"
_HEADER_FORMS = f"{_COLON_FORM} or 'key=value'"
_PAIR_FORM = f"{_HEADER_FLAG} key=value"


def parse_header(text: str) -> tuple[str, str, str]:
    """Parse a ``--header`` in any of the forms in use.

    The current faas-cli accepts ``K: V`` and, with a warning, ``K=V``; it
    splits at the first colon, wherever it is, so that
    ``X-Callback-Url=http://…`` fails. The lab text has ``X-Callback-Url
    http://…``, which no version accepts. Here both work too: the colon of a
    URL is no separator.

    Returns:
        The name in Go's spelling (``X-Callback-Url``), the value without white
        space around it, and the separator: ``:``, ``=`` or a space. The name
        may be invalid; sending it reports that.
    """
    name, separator, value = _split_header(text)
    name, value = name.strip(), value.strip()
    if not name or not value:
        form = _COLON_FORM if separator == ":" else _HEADER_FORMS
        raise UsageError(f"{form} (empty {'value' if name else 'key'} given)")
    return canonical(name), value, separator


def _split_header(text: str) -> tuple[str, str, str]:
    if ":" not in text or text.startswith("://", text.index(":")):
        rest = text.lstrip(NAME_LETTERS)
        name, value = text[: len(text) - len(rest)], rest.lstrip()
        if name and value.startswith("="):
            return name, "=", value[1:]
        if name and value and value != rest:
            return name, " ", value
    for separator in ":=":
        name, found, value = text.partition(separator)
        if found:
            return name, separator, value
    raise UsageError(_HEADER_FORMS)


def parse_query(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the ``--query`` pairs, sorted by name.

    In two of the errors the real one names another flag.
    """
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError("the --query flag must take the form of key=value")
        if not name or not value:
            raise UsageError(f"{_PAIR_FORM} (empty {'value' if name else 'key'} given)")
        pairs.append((name, value))
    return sorted(pairs, key=lambda pair: pair[0])


def _headers(arguments: Arguments) -> list[tuple[str, str]]:
    """Return the headers of the command line and the content type."""
    pairs: list[tuple[str, str]] = []
    warned: set[str] = set()
    for text in arguments.texts("header"):
        name, value, separator = parse_header(text)
        pairs.append((name, value))
        if separator == "=" and separator not in warned:
            warn(f"Warning: Using deprecated 'key=value' format for headers. {_RIGHT_FORM}")
        if separator == " " and separator not in warned:
            warn(f"Warning: Only this lab accepts the 'Key Value' format for headers. {_RIGHT_FORM}")
        warned.add(separator)
    if arguments.given("content-type") or not any(name == "Content-Type" for name, _ in pairs):
        pairs = [pair for pair in pairs if pair[0] != "Content-Type"]
        pairs.append(("Content-Type", arguments.text("content-type")))
    machine = _MACHINES.get(os.uname().machine, os.uname().machine)
    user_agent = f"{USER_AGENT} (openfaas; {sys.platform}; {machine})"
    return [*(pair for pair in pairs if pair[0] != "User-Agent"), ("User-Agent", user_agent)]


def _signature(arguments: Arguments, body: bytes) -> list[tuple[str, str]]:
    name, key = arguments.text("sign"), arguments.text("key")
    if not name:
        return []
    import hmac  # 2 ms that few invocations need

    return [(canonical(name), "sha256=" + hmac.new(key.encode(), body, "sha256").hexdigest())]


def gateway_and_namespace(arguments: Arguments, function: str) -> tuple[str, str]:
    """Return the gateway and the function's namespace in the stack, or ""."""
    file = stack_file(arguments)
    chosen = any(arguments.text(flag) for flag in ("yaml", "filter", "regex"))
    if file is None or not (chosen or may_affect_invocation(file)):
        return "", ""
    from labkit.openfaas_cli.faas_cli.stack import StackFunction, stack_of  # few need YAML: 20 ms

    stack = stack_of(arguments)
    return stack.gateway, stack.functions.get(function, StackFunction(function)).namespace


def _run(arguments: Arguments) -> None:
    name = arguments.words[0] if arguments.words else ""
    stack_gateway, stack_namespace = gateway_and_namespace(arguments, name)
    name = arguments.first_word("please provide a name for the function")
    if bool(arguments.text("sign")) != bool(arguments.text("key")):
        raise UsageError("signing requires both --sign <header-value> and --key <key-value>")
    method = arguments.text("method")
    if method not in _METHODS:
        return  # the real one checks it, and drops its own error
    headers, query = _headers(arguments), parse_query(arguments.texts("query"))
    namespace = arguments.text("namespace") or stack_namespace or DEFAULT_NAMESPACE
    body = read_input()
    headers += _signature(arguments, body)
    gateway = Gateway.of(arguments, stack_gateway)
    login_url = gateway.url
    # A path in the gateway's URL is dropped, for invocations only.
    scheme, _, address = gateway.url.partition("://")
    gateway.url = f"{scheme}://{address.partition('/')[0]}"
    route = "async-function" if arguments.on("async") else "function"
    path = escape_path(f"/{route}/{name}.{namespace}")

    def call(authorization: Sequence[tuple[str, str]] = ()) -> HttpReply:
        return gateway.send(method, path, query=query, headers=[*headers, *authorization], body=body)

    try:
        if arguments.on("auth"):
            reply = call(_authorization(login_url, name, namespace))
        else:
            reply = call()
            needs_token = reply.status == 401 and _FUNCTION_REALM in reply.header("WWW-Authenticate")
            if needs_token and (authorization := _authorization(login_url, name, namespace)):
                reply.close()
                reply = call(authorization)
    except HttpRequestError as error:
        error.headline = f"failed to invoke function: {error.headline}"
        raise
    try:
        _print(reply, arguments)
    finally:
        reply.close()


def _authorization(gateway: str, function: str, namespace: str) -> list[tuple[str, str]]:
    """Return the header with a token for the function, if there is one."""
    from labkit.openfaas_cli.faas_cli.function_token import function_token  # few need it; it reads YAML

    token = function_token(gateway, function, namespace)
    return [("Authorization", f"Bearer {token}")] if token else []


def _print(reply: HttpReply, arguments: Arguments) -> None:
    try:
        if not 200 <= reply.status <= 299:
            text = reply.read().decode("utf-8", "replace")
            raise GatewayRequestError(f"server returned unexpected status code: {reply.status} - {text}")
        if arguments.on("async") and reply.status == 202:
            warn("Function submitted asynchronously.")
            return
        for block in reply:
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
    except HttpRequestError as error:
        # The URL is that of the flag, in the real one too.
        message = f"cannot read result from OpenFaaS on URL: {arguments.text('gateway')} {error.headline}"
        raise GatewayRequestError(message) from error


COMMAND = Verb(
    "Invoke an OpenFaaS function with standard input as its body",
    _run,
    words="FUNCTION_NAME",
    flags=(
        Flag("async", "a", False, "Invoke the function asynchronously"),
        Flag("auth", "", False, "Authenticate with an OpenFaaS token; a login with a password has none"),
        Flag("content-type", "", "text/plain", "The Content-Type header, such as application/json"),
        ENVSUBST,
        GATEWAY,
        Flag("header", "H", [], "Request header, 'Key: Value'; may be given more than once"),
        Flag("key", "", "", "Key to sign the body with; needs --sign"),
        Flag("method", "m", "POST", "HTTP method: " + "/".join(_METHODS)),
        Flag("name", "", "", "Name of the deployed function"),
        Flag("namespace", "n", "", "Namespace of the deployed function"),
        Flag("query", "", [], "Query parameter, key=value; may be given more than once"),
        Flag("sign", "", "", "Name of the header that holds the signature; needs --key"),
        TLS,
    ),
    examples=(
        'echo -n "LaterIsBetter" | faas-cli invoke figlet',
        "faas-cli invoke env --query repo=faas-cli < /dev/null",
        'faas-cli invoke figlet --async -H "X-Callback-Url: http://gateway:8080/function/notify" < text',
    ),
)
