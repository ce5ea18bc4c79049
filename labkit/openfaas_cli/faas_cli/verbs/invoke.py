"""faas-cli invoke: call a function with what arrives on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from labkit.openfaas_cli.faas_cli.gateway import USER_AGENT, Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.http import HttpReply, HttpRequestError
from labkit.openfaas_cli.faas_cli.output import read_input, warn
from labkit.openfaas_cli.faas_cli.stack_file import may_affect_invocation, stack_file
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY, TLS, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_FUNCTION_REALM = 'realm="IAM function invoke"'
_RIGHT_FORM = "Please use 'Key: Value' format instead."
_HEADER_FORMS = "the --header or -H flag must take the form of 'Key: Value' or 'key=value'"
_QUERY_FORM = "the --query flag must take the form of key=value"
# A header's name is a token (RFC 9110, 5.6.2).
_TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # noqa: S105


def parse_header(text: str) -> tuple[str, str, str]:
    """Parse a ``--header`` in any of the forms in use.

    The current faas-cli accepts ``K: V`` and, with a warning, ``K=V``; it
    splits at the first colon, wherever it is, so that
    ``X-Callback-Url=http://…`` fails. The lab text has ``X-Callback-Url
    http://…``, which no version accepts. Here the first separator after the
    name decides, and all of them work.

    Returns:
        The name in Go's spelling (``X-Callback-Url``), the value without white
        space around it, and the separator: ``:``, ``=`` or a space.
    """
    rest = text.lstrip(_TOKEN)
    name, value = text[: len(text) - len(rest)], rest.lstrip()
    if value.startswith((":", "=")):
        separator, value = value[0], value[1:]
    elif value != rest:
        separator = " "
    else:
        raise UsageError(_HEADER_FORMS)
    value = value.strip()
    if not name or not value:
        raise UsageError(f"{_HEADER_FORMS} (empty {'value' if name else 'key'} given)")
    if any(character in value for character in "\r\n\0"):
        raise UsageError(f'invalid header field value for "{name}"')
    return _canonical(name), value, separator


def parse_query(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the ``--query`` pairs, sorted by name."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(_QUERY_FORM)
        if not name or not value:
            raise UsageError(f"{_QUERY_FORM} (empty key or value given)")
        pairs.append((name, value))
    return sorted(pairs, key=lambda pair: pair[0])


def _canonical(name: str) -> str:
    """Return ``x-call-id`` as ``X-Call-Id``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _headers(arguments: Arguments) -> list[tuple[str, str]]:
    """Return the headers of the command line and the content type."""
    given = [parse_header(text) for text in arguments.texts("header")]
    separators = {separator for _, _, separator in given}
    if "=" in separators:
        warn(f"Warning: Using deprecated 'key=value' format for headers. {_RIGHT_FORM}")
    if " " in separators:
        warn(f"Warning: Only this lab accepts the 'Key Value' format for headers. {_RIGHT_FORM}")
    pairs = [(name, value) for name, value, _ in given if name != "User-Agent"]
    if arguments.given("content-type") or not any(name == "Content-Type" for name, _ in pairs):
        pairs = [pair for pair in pairs if pair[0] != "Content-Type"]
        pairs.append(("Content-Type", arguments.text("content-type")))
    return pairs


def _signature(arguments: Arguments, body: bytes) -> list[tuple[str, str]]:
    name, key = arguments.text("sign"), arguments.text("key")
    if not name:
        return []
    import hmac  # 2 ms that few invocations need

    return [(_canonical(name), "sha256=" + hmac.new(key.encode(), body, "sha256").hexdigest())]


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
    name = arguments.first_word("please provide a name for the function")
    method = arguments.text("method")
    if method not in _METHODS:
        return  # the real one checks it, and drops its own error
    if bool(arguments.text("sign")) != bool(arguments.text("key")):
        raise UsageError("signing requires both --sign <header-value> and --key <key-value>")
    headers, query = _headers(arguments), parse_query(arguments.texts("query"))
    stack_gateway, stack_namespace = gateway_and_namespace(arguments, name)
    namespace = arguments.text("namespace") or stack_namespace or DEFAULT_NAMESPACE
    body = read_input()
    gateway = Gateway.of(arguments, stack_gateway)
    login_url = gateway.url
    # A path in the gateway's URL is dropped, for invocations only.
    scheme, _, address = gateway.url.partition("://")
    gateway.url = f"{scheme}://{address.partition('/')[0]}"
    route = "async-function" if arguments.on("async") else "function"
    machine = _MACHINES.get(os.uname().machine, os.uname().machine)
    user_agent = ("User-Agent", f"{USER_AGENT} (openfaas; {sys.platform}; {machine})")

    def call(authorization: Sequence[tuple[str, str]] = ()) -> HttpReply:
        return gateway.send(
            method,
            f"/{route}/{name}.{namespace}",
            query=query,
            headers=[user_agent, *sorted([*headers, *_signature(arguments, body), *authorization])],
            body=body,
        )

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
        _print(reply, gateway, is_async=arguments.on("async"))
    finally:
        reply.close()


def _authorization(gateway: str, function: str, namespace: str) -> list[tuple[str, str]]:
    """Return the header with a token for the function, if there is one."""
    from labkit.openfaas_cli.faas_cli.function_token import function_token  # few need it; it reads YAML

    token = function_token(gateway, function, namespace)
    return [("Authorization", f"Bearer {token}")] if token else []


def _print(reply: HttpReply, gateway: Gateway, *, is_async: bool) -> None:
    try:
        if not 200 <= reply.status <= 299:
            text = reply.read().decode("utf-8", "replace")
            raise GatewayRequestError(f"server returned unexpected status code: {reply.status} - {text}")
        if is_async and reply.status == 202:
            warn("Function submitted asynchronously.")
            return
        for block in reply:
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
    except (ConnectionError, TimeoutError, EOFError) as error:
        if isinstance(error, BrokenPipeError):
            raise  # the reader of our output is gone, not the gateway
        message = f"cannot read result from OpenFaaS on URL: {gateway.url} {error}"
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
