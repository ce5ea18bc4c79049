"""Which gateway a command talks to, and how."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.openfaas_cli.faas_cli.http import HttpRequestError, Response, request
from labkit.openfaas_cli.faas_cli.output import say, warn
from labkit_services.contract.errors import LabError

if TYPE_CHECKING:
    from labkit.openfaas_cli.pflag import Arguments
    from labkit.workspace import LabState

DEFAULT_GATEWAY = "http://127.0.0.1:8080"
CLI_VERSION = "0.18.12"
"""The real faas-cli's version whose words and manners are followed."""

USER_AGENT = f"faas-cli/{CLI_VERSION}"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
UNAUTHORIZED = 'unauthorized access, run "faas-cli login" to setup authentication for this server'


class GatewayError(LabError):
    """The gateway answered something else than was asked for."""


def choose_url(*, flag: str, stack: str, environment: str, lab: str) -> str:
    """Return the gateway's URL: flag, stack file, ``OPENFAAS_URL``, the running lab, default.

    As in the real one, the default URL in the flag or the stack file counts as
    nothing said. The running lab stands in for the default only.
    """
    for url in (flag, stack):
        if url and normalise_url(url) != DEFAULT_GATEWAY:
            return normalise_url(url)
    return normalise_url(environment or lab or DEFAULT_GATEWAY)


def normalise_url(url: str) -> str:
    """Return ``url`` in lower case, with a scheme and without a slash at its end."""
    url = url.strip().rstrip("/").lower()
    return url if url.startswith("http") else f"http://{url}"


class Gateway:
    """A gateway at one URL."""

    def __init__(self, url: str, *, verify: bool = True) -> None:
        self.url = url
        self._verify = verify

    @classmethod
    def of(cls, arguments: Arguments, stack: str = "") -> Gateway:
        """Return the gateway that a command line means.

        Args:
            arguments: With the flags ``gateway`` and ``tls-no-verify``.
            stack: The stack file's gateway, or "".
        """
        flag, environment = arguments.text("gateway"), os.environ.get("OPENFAAS_URL", "")
        url = choose_url(flag=flag, stack=stack, environment=environment, lab="")
        if url == DEFAULT_GATEWAY and not environment and (state := lab_state()):
            url = normalise_url(state.gateway_url)
        return cls(url, verify=not arguments.on("tls-no-verify"))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        timeout: float | None = 60.0,
    ) -> Response:
        """Send a request; return the answer, whatever its status.

        Raises:
            HttpRequestError: There is none; the next step says how to start the lab.
        """
        url = self.url + path
        if query:
            from urllib.parse import urlencode

            url += "?" + urlencode(query)
        if os.environ.get("FAAS_DEBUG") == "1":
            _show_request(method, url, headers, body)
        try:
            return request(method, url, headers, body, timeout=timeout, verify=self._verify)
        except HttpRequestError as error:
            error.next_step = self._next_step()
            raise

    def system(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        content: Any = None,
        token: str = "",
        timeout: float | None = 60.0,
    ) -> Response:
        """Send a management request, with the lab's password or a saved login.

        Args:
            method: GET, POST, PUT or DELETE.
            path: Such as ``/system/functions``.
            query: Pairs; empty values are left out.
            content: Sent as JSON unless None.
            token: A bearer token to use instead of basic authentication.
            timeout: Seconds; None for a stream.

        Raises:
            HttpRequestError: No answer.
        """
        headers = [("User-Agent", USER_AGENT)]
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        elif basic := self._basic_token():
            headers.append(("Authorization", f"Basic {basic}"))
        body = b""
        if content is not None:
            headers.append(("Content-Type", "application/json"))
            body = json.dumps(content).encode()
        query = [(name, value) for name, value in query if value]
        return self.send(method, path, query=query, headers=headers, body=body, timeout=timeout)

    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        content: Any = None,
        token: str = "",
    ) -> tuple[Response, bytes]:
        """Send a management request; return the answer, whatever its status, and its body.

        Raises:
            GatewayError: Not reachable.
        """
        try:
            response = self.system(method, path, query=query, content=content, token=token)
            return response, response.read()
        except (OSError, EOFError) as error:
            raise self.unreachable(error) from error

    def fetch(self, path: str, *, query: Sequence[tuple[str, str]] = (), token: str = "") -> Any:
        """Return the JSON of a management route.

        Raises:
            GatewayError: Not reachable, not authorised, any status but 200, or no JSON.
        """
        response, body = self.answer("GET", path, query=query, token=token)
        if response.status != 200:
            raise status_error(response.status, body)
        try:
            return json.loads(body)
        except ValueError as error:
            raise GatewayError(f"cannot parse result from OpenFaaS on URL: {self.url}\n{error}") from error

    def unreachable(self, error: Exception) -> GatewayError:
        """Return the error that most verbs show when there is no answer."""
        return GatewayError(
            f"cannot connect to OpenFaaS on URL: {self.url}",
            seen=error.headline if isinstance(error, LabError) else str(error),
            next_step=self._next_step(),
        )

    def warn_of_plain_http(self) -> None:
        """Say so if the password would cross a network in the open."""
        host = self.url.partition("://")[2].partition("/")[0].rpartition(":")[0]
        if self.url.startswith("http://") and host not in ("127.0.0.1", "localhost"):
            say("WARNING! You are not using an encrypted connection to the gateway, consider using HTTPS.")

    def _basic_token(self) -> str | None:
        state = lab_state()
        if state is not None and _same_place(self.url, state.gateway_url):
            from base64 import b64encode

            return b64encode(f"{state.user}:{state.password}".encode()).decode()
        from labkit.openfaas_cli.faas_cli import login_store

        return login_store.find(self.url)

    def _next_step(self) -> str:
        state = lab_state()
        if state is None:
            return "start this folder's lab in a terminal (labkit up) or a notebook (Lab.start())"
        if _same_place(self.url, state.gateway_url):
            return "see what became of the lab: labkit status"
        return (
            f"this folder's lab listens on {state.gateway_url}; to use it, take the other address "
            "out of the stack file, OPENFAAS_URL and --gateway"
        )


def lab_state() -> LabState | None:
    """Return what is known of the workspace's running lab."""
    from labkit.workspace import Workspace  # only when it matters: it costs 10 ms

    return Workspace.find().read_state()


def status_error(status: int, body: bytes) -> GatewayError:
    """Return the error for an unexpected status."""
    if status == 401:
        return GatewayError(UNAUTHORIZED)
    text = body.decode("utf-8", "replace")
    return GatewayError(f"server returned unexpected status code: {status} - {text}")


def _show_request(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> None:
    """Print what is about to be sent, for ``FAAS_DEBUG=1``.

    The real one prints it on standard output, in the midst of a function's answer.
    """
    warn(f"{method} {url}")
    for name, value in headers:
        shown = f"{value.partition(' ')[0]} [REDACTED]" if name == "Authorization" else value
        warn(f"{name}: [{shown}]")
    if body:
        warn(body.decode("utf-8", "replace"))


def _same_place(url: str, other: str) -> bool:
    """Tell whether two URLs lead to the same port of this machine, however they name it."""
    places = []
    for candidate in (url, other):
        host, _, port = normalise_url(candidate).partition("://")[2].partition("/")[0].rpartition(":")
        places.append(("127.0.0.1" if host in _LOOPBACK else host, port))
    return places[0] == places[1]
