"""A client of an OpenFaaS gateway that is not the lab's own.

It uses OpenFaaS's own API alone, and notes what it sends and what it gets.
"""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.clients.gateway import FunctionRequest, FunctionResponse, GatewayClient
from labkit.clients.http_client import ServiceHttpClient
from labkit.default_settings import PASSWORD_VARIABLE, USER_VARIABLE
from labkit.errors import GatewayError, LabError, LabGoneError, RemoteGatewayError
from labkit.remote.address import RemoteAddress
from labkit.remote.not_here import queue_not_here
from labkit.remote.observed_calls import ObservedCalls
from labkit.views.remote_status import RemoteStatus
from labkit_services.contract.headers import CALL_ID, CALLBACK_URL

if TYPE_CHECKING:
    import httpx

_OPENFAAS = (
    *("/function/", "/async-function/", "/healthz"),
    *("/system/functions", "/system/function/", "/system/scale-function/", "/system/info"),
    *("/system/logs", "/system/namespaces", "/system/secrets"),
)
"""How the paths of OpenFaaS's API begin; the lab's own gateway has more."""

_MOST_ELSEWHERE = 1_000
_CHECK_SECONDS = 10.0


class RemoteHttpClient(ServiceHttpClient):
    """HTTP connections to a gateway that is not the lab's own."""

    def __init__(self, url: str) -> None:
        # The environment may name a proxy, and certificate authorities.
        super().__init__("gateway", url, GatewayError, trust_env=True)

    async def request(self, method: str, path: str, *, timeout: float, **options: Any) -> httpx.Response:
        """Send a request; return the response, whatever its status."""
        try:
            return await super().request(method, path, timeout=timeout, **options)
        except (GatewayError, LabGoneError) as error:
            raise self._without_response(error, f"{method} {path.partition('?')[0]}", timeout) from error

    async def lines(self, path: str, *, silence: float | None = None, **options: Any) -> AsyncIterator[str]:
        """Yield the lines of a response that goes on; it ends with it."""
        try:
            async for line in super().lines(path, silence=silence, **options):
                yield line
        except (GatewayError, LabGoneError) as error:
            raise self._without_response(error, f"GET {path}", silence or 0.0) from error

    def _without_response(self, error: LabError, request: str, timeout: float) -> RemoteGatewayError:
        import httpx

        reasons = list(_causes(error))
        seen = next((str(reason) for reason in reasons[1:] if str(reason)), "") or error.seen
        if any(isinstance(reason, ssl.SSLError) for reason in reasons) or "SSL" in seen:
            return RemoteGatewayError(
                f"no trusted TLS connection to {self._url}",
                expected="a certificate for this host, by an authority that this machine trusts",
                seen=seen,
                next_step="check the URL, http:// or https://; name the file of a private authority "
                "in the variable SSL_CERT_FILE",
            )
        if any(isinstance(reason, (httpx.ConnectError, httpx.ConnectTimeout)) for reason in reasons):
            return RemoteGatewayError(
                f"the gateway {self._url} can't be reached",
                expected="an OpenFaaS gateway that listens there",
                seen=seen or "no connection",
                next_step=f"check the URL, and from here: curl {self._url}/healthz",
            )
        if any(isinstance(reason, httpx.TimeoutException) for reason in reasons):
            return RemoteGatewayError(
                f"{request} of {self._url} took too long",
                expected=f"a response within {timeout:g} s",
                seen="none",
                next_step="wait longer, timeout=…; or call the function asynchronously",
            )
        return RemoteGatewayError(
            f"the connection to {self._url} was lost in {request}",
            expected="a response",
            seen=seen or error.seen,
            next_step="whether the request had an effect is not known: look at lab.functions(), "
            "and send it again",
        )


class RemoteGatewayClient(GatewayClient):
    """A client of an OpenFaaS gateway elsewhere.

    Attributes:
        created: Names of the functions that this client has created.
        callback_url: Where the results of calls without a callback are sent.
        callbacks_elsewhere: Callback URLs that are no bins of this process,
            by the id of the call: the last thousand.
    """

    def __init__(self, address: RemoteAddress, calls: ObservedCalls) -> None:
        super().__init__(address.url, address.user, address.password)
        self._http = RemoteHttpClient(address.url)
        self._address = address
        self._calls = calls
        self.created: dict[str, None] = {}
        self.callback_url = ""
        self.callbacks_elsewhere: dict[str, str] = {}

    # -- calls

    async def invoke(self, request: FunctionRequest) -> FunctionResponse:
        """Call a function and wait for its response, whatever its status."""
        call_id, request = _with_headers(request)
        self._calls.sent(call_id, request.name, "sync", len(request.body))
        try:
            response = await super().invoke(request)
        except LabError as error:
            self._calls.lost(call_id, request.name, error.headline)
            raise
        self._calls.answered(call_id, request.name, response.status, response.body, response.headers)
        return response

    async def invoke_async(self, request: FunctionRequest) -> FunctionResponse:
        """Queue a call of a function; return the gateway's response.

        Without a callback of its own the result is sent to this process.
        """
        call_id, request = _with_headers(request, **{CALLBACK_URL: self.callback_url})
        self._note_callback(call_id, request.headers or {})
        self._calls.sent(call_id, request.name, "async", len(request.body))
        try:
            response = await super().invoke_async(request)
        except LabError as error:
            self._calls.lost(call_id, request.name, error.headline)
            raise
        self._calls.accepted(call_id, request.name, response.status, len(response.body))
        return response

    def _note_callback(self, call_id: str, headers: Mapping[str, str]) -> None:
        url = next((value for name, value in headers.items() if name.lower() == CALLBACK_URL.lower()), "")
        if not url.startswith(self.callback_url.rpartition("/")[0]):
            self.callbacks_elsewhere[call_id] = url
            if len(self.callbacks_elsewhere) > _MOST_ELSEWHERE:
                del self.callbacks_elsewhere[next(iter(self.callbacks_elsewhere))]

    # -- functions

    async def deploy(self, deployment: Mapping[str, Any]) -> bool:
        """Create a function, or update it; return whether it was created."""
        is_new = await super().deploy(deployment)
        if is_new:
            self.created[str(deployment["service"])] = None
        return is_new

    async def remove(self, name: str) -> bool:
        """Remove a function; return whether it existed."""
        existed = await super().remove(name)
        self.created.pop(name, None)
        return existed

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request of OpenFaaS's API; return any response.

        Raises:
            NotAvailableError: Only the lab's own gateway has such a route.
            RemoteGatewayError: There was no response, or the login is wrong.
        """
        if not path.startswith(_OPENFAAS):
            raise queue_not_here(f"an OpenFaaS, whose API has no {path}")
        response = await super().request(method, path, **options)
        if response.status_code == 401:
            raise RemoteGatewayError(
                f"{self._address.url} rejected the login",
                expected="the user and the password of its /system routes",
                seen=f"401 {response.text.strip()[:200]}, "
                + (f"as user {self._address.user!r}" if self._address.user else "without a user"),
                next_step=f"Lab.connect(url, user, password), or {USER_VARIABLE} and {PASSWORD_VARIABLE}, "
                f"or: faas-cli login --gateway {self._address.url} --username admin --password-stdin",
            )
        return response

    async def check(self) -> dict[str, Any]:
        """Return ``/system/info`` of a gateway that is an OpenFaaS.

        Raises:
            RemoteGatewayError: It is none, or it can't be used.
        """
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                response = await self.request("GET", "/system/info")
        except TimeoutError as error:
            raise RemoteGatewayError(
                f"the gateway {self._address.url} does not answer",
                expected=f"an answer to GET /system/info within {_CHECK_SECONDS:g} s",
                seen="none",
                next_step=f"check the URL, and from here: curl {self._address.url}/healthz",
            ) from error
        try:
            info = response.json() if response.status_code == 200 else None
        except (ValueError, RecursionError):
            info = None
        if not isinstance(info, dict) or "provider" not in info:
            kind = response.headers.get("Content-Type", "no Content-Type")
            to = response.headers.get("Location", "")
            raise RemoteGatewayError(
                f"{self._address.url} is not an OpenFaaS gateway",
                expected="GET /system/info to answer 200 with a JSON object that names its provider",
                seen=f"{response.status_code}, {kind}: {response.text.strip()[:120]!r}"
                + (f", and a redirect to {to}" if to else ""),
                next_step="check the URL: that of the gateway, without a path such as /ui or /function",
            )
        return info

    async def status(self) -> RemoteStatus:
        """Return what the OpenFaaS says of itself."""
        info = await self.check()
        provider, version = info.get("provider"), info.get("version")
        return RemoteStatus(
            self._address.url,
            provider=str(provider.get("provider", "")) if isinstance(provider, dict) else "",
            orchestration=str(provider.get("orchestration", "")) if isinstance(provider, dict) else "",
            release=str(version.get("release", "")) if isinstance(version, dict) else "",
            functions=len(await self.functions()),
        )


def _with_headers(request: FunctionRequest, **defaults: str) -> tuple[str, FunctionRequest]:
    """Return the id of a call, and its request with default headers."""
    headers = dict(request.headers or {})
    given = {name.lower(): value for name, value in headers.items()}
    missing = {CALL_ID: str(uuid.uuid4()), **defaults}
    headers |= {name: value for name, value in missing.items() if not given.get(name.lower())}
    call_id = given.get(CALL_ID.lower()) or headers[CALL_ID]
    return call_id, replace(request, headers=headers)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
