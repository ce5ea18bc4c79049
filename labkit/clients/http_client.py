"""An HTTP client that turns failures into the lab's errors."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from labkit.clients.forked import keep
from labkit.errors import GatewayError, InvalidValueError, LabError, LabGoneError
from labkit_services.runtime.import_on_use import imported_on_use

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS = 5.0


def import_httpx() -> None:
    """Import httpx, and what a client imports; without its command line."""
    with imported_on_use("httpx._main", "main"):
        import_module("httpx")
    import_module("httpcore")


def expect(
    response: httpx.Response,
    headline: str,
    *statuses: int,
    error_type: type[LabError] = GatewayError,
    next_step: str = "",
) -> httpx.Response:
    """Return ``response`` if its status is one of ``statuses``.

    Otherwise raise an ``error_type`` that quotes the service's error text.
    """
    if response.status_code in statuses:
        return response
    raise error_type(
        headline,
        expected=f"status {' or '.join(map(str, statuses))}",
        seen=f"{response.status_code} {response.text.strip()}",
        next_step=next_step,
    )


class ServiceHttpClient:
    """HTTP connections to one service.

    ``error_type`` is raised when a request gets no complete response, and
    LabGoneError when nothing listens at the service's address. ``httpx`` takes
    a tenth of a second to import: on first use, or while a lab starts
    (``connections.py``).
    """

    def __init__(
        self, service: str, url: str, error_type: type[LabError], *, trust_env: bool = False
    ) -> None:
        self._service = service
        self._url = url
        self._error_type = error_type
        # A lab is on this machine: the environment's proxy is not for it.
        self._trust_env = trust_env
        self._client: httpx.AsyncClient | None = None
        self._pid = os.getpid()

    def open(self) -> httpx.AsyncClient:
        """Create the client on first use; requests open connections."""
        if self._client is None or self._pid != os.getpid():
            import_httpx()
            import httpx

            keep(self._client)
            self._pid = os.getpid()

            self._client = httpx.AsyncClient(
                trust_env=self._trust_env,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
                # Loading the certificate authorities takes 70 ms: not for
                # plain HTTP.
                verify=self._url.startswith("https:"),
            )
        return self._client

    async def request(self, method: str, path: str, *, timeout: float, **options: Any) -> httpx.Response:
        """Send a request; return the response, whatever its status."""
        client = self.open()
        import httpx

        try:
            return await client.request(method, self._url + path, timeout=timeout, **options)
        except httpx.InvalidURL as error:
            raise InvalidValueError(f"{method} {path!r} can't be sent", seen=str(error)) from error
        except httpx.ConnectError as error:
            raise LabGoneError(
                expected=f"the {self._service} at {self._url}",
                seen=f"no connection ({error})",
                next_step="look at lab.status(); if the lab is gone, too: run the notebook's first cell, "
                "or labkit up",
            ) from error
        except httpx.TimeoutException as error:
            raise self._error_type(
                f"{method} {path} took too long", expected=f"a response within {timeout:g} s", seen="none"
            ) from error
        except httpx.HTTPError as error:
            raise self._error_type(
                f"{method} {path} failed", expected="a response", seen=repr(error)
            ) from error

    async def lines(self, path: str, *, silence: float | None = None, **options: Any) -> AsyncIterator[str]:
        """Yield the lines of a response that goes on; it ends with it.

        Args:
            path: Path and query.
            silence: Seconds without data after which the connection counts as
                lost; None is for ever.
            options: Those of httpx.

        Raises:
            LabError: The service can't be reached, or the status is not 200.
        """
        client = self.open()
        import httpx

        timeout = httpx.Timeout(_CONNECT_SECONDS, read=silence)
        try:
            async with client.stream("GET", self._url + path, timeout=timeout, **options) as response:
                if response.status_code != 200:
                    await response.aread()
                    expect(response, f"GET {path} failed", 200, error_type=self._error_type)
                buffer = ""
                async for part in response.aiter_text():
                    # No line break but LF ends a line: not those in a text.
                    *lines, buffer = (buffer + part).split("\n")
                    for line in lines:
                        yield line
        except httpx.HTTPError as error:
            raise self._error_type(f"GET {path} ended", expected="more lines", seen=repr(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            await client.aclose()
