"""Which gateway a command uses, and the requests to it."""

from __future__ import annotations

import os

from labkit.openfaas_cli.faas_cli.http import HttpReply, HttpRequestError, request
from labkit.openfaas_cli.faas_cli.output import echo, warn
from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY
from labkit.openfaas_cli.pflag import Arguments
from labkit.state_file import find_workspace, read_state
from labkit_services.contract.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from labkit.openfaas_cli.faas_cli.go_decode import Shape

    Pairs = Sequence[tuple[str, str]]

CLI_VERSION = "0.18.12"
"""The version of the real faas-cli whose messages and behaviour are
followed."""

USER_AGENT = f"faas-cli/{CLI_VERSION}"
UNAUTHORIZED = 'unauthorized access, run "faas-cli login" to setup authentication for this server'

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class GatewayRequestError(LabError):
    """The gateway's response is not the expected one."""


class UnreachableError(GatewayRequestError):
    """The gateway does not respond; ``seen`` is the reason."""


def choose_url(*, flag: str, stack: str, environment: str, lab: Callable[[], str]) -> str:
    """Return the URL of flag, stack file, variable, running lab or default.

    As in the real one, the default URL in the flag or the stack file counts as
    not given, in exactly this spelling (commands/priority.go). The running lab
    takes the place of the default only.
    """
    chosen = next((url for url in (flag, stack) if url and url != DEFAULT_GATEWAY), "")
    if not chosen and environment:
        return normalise_url(environment)
    url = normalise_url(chosen or DEFAULT_GATEWAY)
    return normalise_url(lab() or url) if url == DEFAULT_GATEWAY else url


def normalise_url(url: str) -> str:
    """Return ``url`` in lower case, with a scheme, without a final slash."""
    url = url.strip().rstrip("/").lower()
    return url if url.startswith("http") else f"http://{url}"


def lab_state() -> dict[str, Any]:
    """Return the state of the workspace's running lab; empty if none runs."""
    return read_state(find_workspace()) or {}


def lab_url() -> str:
    """Return the address of the running lab's gateway, or ""."""
    return str(lab_state().get("gateway_url", ""))


class Gateway:
    """A gateway at one URL, which has no slash at its end."""

    def __init__(self, url: str, *, verify: bool = True, token: str = "") -> None:
        _check_url(url)
        self.url = url
        self._verify = verify
        self._token = token

    @classmethod
    def of(cls, arguments: Arguments, stack: str = "") -> Gateway:
        """Return the gateway of the flags and the stack file.

        ``stack`` is the URL in the stack file, for the verbs that use it.
        """
        flag, environment = arguments.text("gateway"), os.environ.get("OPENFAAS_URL", "")
        return cls(
            choose_url(flag=flag, stack=stack, environment=environment, lab=lab_url),
            verify=not arguments.on("tls-no-verify"),
            token=arguments.text("token") if arguments.has("token") else "",
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Pairs = (),
        headers: Pairs = (),
        body: bytes = b"",
        timeout: float | None = 60.0,
    ) -> HttpReply:
        """Send a request; return the response, whatever its status.

        Without a response, the error's next step tells how to start the lab.
        """
        url = self.url + path
        if query:
            from urllib.parse import urlencode  # 3 ms that an invocation does not need

            url += "?" + urlencode(query)
        if os.environ.get("FAAS_DEBUG") == "1":
            _print_request(method, url, headers, body)
        try:
            return request(method, url, headers, body, timeout=timeout, verify=self._verify)
        except HttpRequestError as error:
            error.next_step = error.next_step or self._next_step()
            raise

    def system(
        self, method: str, path: str, *, query: Pairs = (), content: Any = None, timeout: float | None = 60.0
    ) -> HttpReply:
        """Send a request with the lab's password, a login or ``--token``.

        Query pairs with an empty value are left out, ``content`` is sent as
        JSON.
        """
        headers = [("User-Agent", USER_AGENT), ("Authorization", self.authorization())]
        body = b""
        if content is not None:
            headers.append(("Content-Type", "application/json"))
            from labkit.openfaas_cli.faas_cli.go_json import compact  # an invocation does without it

            body = compact(content).encode()
        query = sorted((name, value) for name, value in query if value)
        return self.send(method, path, query=query, headers=headers, body=body, timeout=timeout)

    def exchange(
        self, method: str, path: str, *, query: Pairs = (), content: Any = None
    ) -> tuple[HttpReply, bytes]:
        """Send a management request; return the response and its body."""
        try:
            reply = self.system(method, path, query=query, content=content)
            return reply, reply.read()
        except OSError as error:
            raise self.unreachable(error) from error

    def checked(
        self, method: str, path: str, *, query: Pairs = (), content: Any = None, missing: str = ""
    ) -> bytes:
        """Send a management request; return the body of its response.

        Any status but success is an error; ``missing`` is the message for a
        404.
        """
        reply, body = self.exchange(method, path, query=query, content=content)
        if reply.status == 404 and missing:
            raise GatewayRequestError(missing)
        if reply.status not in (200, 201, 202):
            raise status_error(reply.status, body)
        return body

    def fetch(self, path: str, shape: Shape, *, query: Pairs = (), missing: str = "") -> Any:
        """Return the JSON of a management route; errors as in ``checked``.

        What does not have the shape is an error, too.
        """
        body = self.checked("GET", path, query=query, missing=missing)
        from labkit.openfaas_cli.faas_cli.go_decode import DecodeError, decode  # not for an invocation

        try:
            return decode(body, shape)
        except DecodeError as error:
            message = f"cannot parse result from OpenFaaS on URL: {self.url}\n{error}"
            raise GatewayRequestError(message) from error

    def unreachable(self, error: Exception) -> UnreachableError:
        """Return the error that most verbs show when there is no response."""
        return UnreachableError(
            f"cannot connect to OpenFaaS on URL: {self.url}",
            seen=error.headline if isinstance(error, LabError) else str(error),
            next_step=self._next_step(),
        )

    def warn_of_plain_http(self) -> None:
        """Print a warning if the password would be sent unencrypted."""
        if self._verify and not self.url.startswith(("https", "http://127.0.0.1", "http://localhost")):
            echo("WARNING! You are not using an encrypted connection to the gateway, consider using HTTPS.")

    def _login(self) -> tuple[str, str]:
        """Return kind and token of the lab's login or a saved one."""
        from labkit.openfaas_cli.faas_cli import login_store  # reads YAML; an invocation needs no login

        state = lab_state()
        if state and _same_address(self.url, str(state.get("gateway_url"))):
            return "basic", login_store.encode(str(state.get("user")), str(state.get("password")))
        kind, token = login_store.find(self.url) or ("", "")
        if kind == "basic":
            login_store.check(token)
        return kind, token

    def authorization(self) -> str:
        """Return the ``Authorization`` of a management request.

        As in the real one, a login with a password comes before ``--token``,
        and without either the token is empty (proxy/auth.go, NewCLIAuth).
        """
        kind, token = self._login()
        return f"Basic {token}" if kind == "basic" else f"Bearer {self._token or token}".rstrip()

    def _next_step(self) -> str:
        url = lab_url()
        if not url:
            return "start this folder's lab in a terminal (labkit up) or a notebook (Lab.start())"
        if _same_address(self.url, url):
            return "see the state of the lab: labkit status"
        return (
            f"this folder's lab listens on {url}; to use it, remove the other address "
            "from the stack file, OPENFAAS_URL and --gateway"
        )


def status_error(status: int, body: bytes) -> GatewayRequestError:
    """Return the error for an unexpected status."""
    if status == 401:
        return GatewayRequestError(UNAUTHORIZED)
    text = body.decode("utf-8", "replace")
    return GatewayRequestError(f"server returned unexpected status code: {status} - {text}")


def _print_request(method: str, url: str, headers: Pairs, body: bytes) -> None:
    """Print a request on standard error, for ``FAAS_DEBUG=1``.

    The real one prints it on standard output, amid the function's response.
    """
    warn(f"{method} {url}")
    for name, value in headers:
        shown = f"{value.partition(' ')[0]} [REDACTED]" if name == "Authorization" else value
        warn(f"{name}: [{shown}]")
    if body:
        warn(body.decode("utf-8", "replace"))


def _check_url(url: str) -> None:
    """Raise an error for a URL that Go does not parse."""
    location = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    host, colon, port = location.rpartition(":")
    if colon and not port.endswith("]") and port.strip("0123456789"):
        raise GatewayRequestError(f"invalid gateway URL: {url}", seen=f'invalid port ":{port}" after host')
    if location.startswith("[") and "]" not in location:
        raise GatewayRequestError(f"invalid gateway URL: {url}", seen="missing ']' in host")
    if any(letter in ' "<>\\^`{|}' for letter in host or location):
        raise GatewayRequestError(f"invalid gateway URL: {url}", seen="invalid character in host name")


def _same_address(url: str, other: str) -> bool:
    """Return whether two URLs have the same port on the same machine."""
    (host, port), (other_host, other_port) = _host_and_port(url), _host_and_port(other)
    return port == other_port and (host == other_host or {host, other_host} <= _LOOPBACK)


def _host_and_port(url: str) -> tuple[str, str]:
    host, _, port = normalise_url(url).partition("://")[2].partition("/")[0].rpartition(":")
    return host, port
