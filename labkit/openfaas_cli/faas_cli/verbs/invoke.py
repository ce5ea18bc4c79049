"""faas-cli invoke: call a function with what comes on standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli import stack_place
from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY, TLS, Command
from labkit.openfaas_cli.faas_cli.gateway import USER_AGENT, Gateway, GatewayError
from labkit.openfaas_cli.faas_cli.http import HttpRequestError, Response
from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_FUNCTION_REALM = 'realm="IAM function invoke"'
_RIGHT_FORM = "Please use 'Key: Value' format instead."
_HEADER_FORMS = "the --header or -H flag must take the form of 'Key: Value' or 'key=value'"
# A name is a token (RFC 9110, 5.6.2); what follows it tells the form.
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]*)(?P<form>\s*[:=]|\s+)(?P<value>.*)", re.DOTALL)


class Header(NamedTuple):
    """One ``--header``.

    Attributes:
        name: In the spelling Go gives it: ``X-Callback-Url``.
        value: Without white space around it.
        form: What stood between the two: ``:``, ``=`` or a space.
    """

    name: str
    value: str
    form: str


def parse_header(text: str) -> Header:
    """Read a ``--header`` in any of the forms in use.

    Today's faas-cli takes ``K: V`` and, with a warning, ``K=V``; it splits at the
    first colon, wherever it stands, so that ``X-Callback-Url=http://…`` fails.
    The lab text has ``X-Callback-Url http://…``, which no version takes. Here
    the first separator after the name decides, and all of them work.

    Raises:
        UsageError: No name, no value, or a value that cannot be sent.
    """
    match = _HEADER.fullmatch(text)
    if match is None:
        raise UsageError(_HEADER_FORMS)
    form = match["form"].strip() or " "
    if not match["name"]:
        raise UsageError(f"{_HEADER_FORMS} (empty key given)")
    value = match["value"].strip()
    if not value:
        raise UsageError(f"{_HEADER_FORMS} (empty value given)")
    if any(character in value for character in "\r\n\0"):
        raise UsageError(f'invalid header field value for "{match["name"]}"')
    return Header(_canonical(match["name"]), value, form)


def parse_query(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the ``--query`` pairs, sorted by name.

    Raises:
        UsageError: One of them is not ``key=value``.
    """
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError("the --query flag must take the form of key=value")
        if not name or not value:
            raise UsageError("the --query flag must take the form of key=value (empty key or value given)")
        pairs.append((name, value))
    return sorted(pairs, key=lambda pair: pair[0])


def _canonical(name: str) -> str:
    """Return ``x-call-id`` as ``X-Call-Id``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _given_headers(arguments: Arguments) -> list[tuple[str, str]]:
    """Return the headers of the command line, and the content type.

    Raises:
        UsageError: One of them cannot be read.
    """
    given = [parse_header(text) for text in arguments.texts("header")]
    if any(header.form == "=" for header in given):
        warn(f"Warning: Using deprecated 'key=value' format for headers. {_RIGHT_FORM}")
    if any(header.form == " " for header in given):
        warn(f"Warning: Only this lab takes the 'Key Value' format for headers. {_RIGHT_FORM}")
    pairs = [(header.name, header.value) for header in given if header.name != "User-Agent"]
    if arguments.given("content-type") or not any(name == "Content-Type" for name, _ in pairs):
        pairs = [pair for pair in pairs if pair[0] != "Content-Type"]
        pairs.append(("Content-Type", arguments.text("content-type")))
    return pairs


def _signature(arguments: Arguments, body: bytes) -> list[tuple[str, str]]:
    sign, key = arguments.text("sign"), arguments.text("key")
    if not sign:
        return []
    import hmac

    return [(_canonical(sign), "sha256=" + hmac.new(key.encode(), body, "sha256").hexdigest())]


def _user_agent() -> tuple[str, str]:
    machine = os.uname().machine
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return "User-Agent", f"{USER_AGENT} (openfaas; {sys.platform}; {machine})"


def _read_body() -> bytes:
    if sys.stdin.isatty():
        warn("Reading from STDIN - hit (Control + D) to stop.")
    return sys.stdin.buffer.read()


def _run(arguments: Arguments) -> None:
    if not arguments.words:
        raise UsageError("please provide a name for the function")
    name = arguments.words[0]
    method = arguments.text("method")
    if method not in _METHODS:
        return  # the real one checks it, and drops its own error
    if bool(arguments.text("sign")) != bool(arguments.text("key")):
        raise UsageError("signing requires both --sign <header-value> and --key <key-value>")
    headers, query = _given_headers(arguments), parse_query(arguments.texts("query"))
    stack_gateway, stack_namespace = stack_place.gateway_and_namespace(arguments, name)
    namespace = arguments.text("namespace") or stack_namespace or DEFAULT_NAMESPACE
    body = _read_body()
    gateway = Gateway.of(arguments, stack_gateway)
    login = gateway.url
    # A path in the gateway's URL is dropped, for invocations only.
    scheme, _, place = gateway.url.partition("://")
    gateway.url = f"{scheme}://{place.partition('/')[0]}"
    route = "async-function" if arguments.on("async") else "function"

    def call(authorization: Sequence[tuple[str, str]] = ()) -> Response:
        return gateway.send(
            method,
            f"/{route}/{name}.{namespace}",
            query=query,
            headers=[_user_agent(), *sorted([*headers, *_signature(arguments, body), *authorization])],
            body=body,
        )

    try:
        if arguments.on("auth"):
            response = call(_authorization(login, name, namespace))
        else:
            response = call()
            if _wants_token(response) and (authorization := _authorization(login, name, namespace)):
                response.close()
                response = call(authorization)
    except HttpRequestError as error:
        error.headline = f"failed to invoke function: {error.headline}"
        raise
    try:
        _show(response, gateway, is_async=arguments.on("async"))
    finally:
        response.close()


def _wants_token(response: Response) -> bool:
    return response.status == 401 and _FUNCTION_REALM in response.header("WWW-Authenticate")


def _authorization(gateway: str, function: str, namespace: str) -> list[tuple[str, str]]:
    """Return the header with a token for the function; none if no login gives one."""
    from labkit.openfaas_cli.faas_cli.function_token import (
        function_token,  # most calls need none, and it reads YAML
    )

    token = function_token(gateway, function, namespace)
    return [("Authorization", f"Bearer {token}")] if token else []


def _show(response: Response, gateway: Gateway, *, is_async: bool) -> None:
    try:
        if not 200 <= response.status <= 299:
            text = response.read().decode("utf-8", "replace")
            raise GatewayError(f"server returned unexpected status code: {response.status} - {text}")
        if is_async and response.status == 202:
            warn("Function submitted asynchronously.")
            return
        for chunk in response:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
    except (ConnectionError, TimeoutError, EOFError) as error:
        if isinstance(error, BrokenPipeError):
            raise  # our own reader, not the gateway
        raise GatewayError(f"cannot read result from OpenFaaS on URL: {gateway.url} {error}") from error


COMMAND = Command(
    words="FUNCTION_NAME",
    short="Invoke an OpenFaaS function with what comes on standard input",
    run=_run,
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
