"""A client of the gateway's API: functions, their calls, and the queues."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.http_client import ServiceHttpClient, expect
from labkit.errors import GatewayError, InvalidValueError
from labkit.views.queue_status import QueueStatus
from labkit_services.contract.headers import CALL_ID

if TYPE_CHECKING:
    import httpx

Body = str | bytes

CALL_SECONDS = 60.0
"""Timeout of one synchronous call, like faas-cli's."""
_MANAGE_SECONDS = 60.0
_SHOWN = 60
"""Characters of a body that a response shows of itself."""


@dataclass(slots=True)
class FunctionRequest:
    """A request to a function; ``path`` is appended to its URL."""

    name: str
    body: Body = b""
    method: str = "POST"
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] | None = None
    timeout: float = CALL_SECONDS


@dataclass(frozen=True)
class FunctionResponse:
    """A function's response.

    Attributes:
        status: HTTP status.
        body: Exact bytes.
        headers: By lower-case name; the values of a repeated one are joined by
            commas.
        call_id: The call's ``X-Call-Id``.
        seconds: How long the caller waited.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    call_id: str
    seconds: float

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become ``�``."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_whole(self) -> bool:
        """Whether the body is complete; large stored results are truncated."""
        return "x-result-truncated" not in self.headers

    @property
    def ok(self) -> bool:
        """Whether the function succeeded."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body decoded from JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        size = self.headers.get("x-result-truncated", f"{len(self.body)} bytes")
        start = self.text[:_SHOWN].rstrip()
        text = f", text={start!r}{'…' if len(self.text) > _SHOWN else ''}" if start else ""
        return f"FunctionResponse(status={self.status}, {size}{text}, call_id={self.call_id!r})"


class GatewayClient:
    """A client of an OpenFaaS gateway, on this machine or elsewhere."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._auth = (user, password) if user else None
        self._http = ServiceHttpClient("gateway", url, GatewayError)

    async def invoke(self, request: FunctionRequest) -> FunctionResponse:
        """Call a function and wait for its response, whatever its status."""
        return await self._call("function", request)

    async def invoke_async(self, request: FunctionRequest) -> FunctionResponse:
        """Queue a call of a function; return the gateway's response."""
        response = await self._call("async-function", request)
        if response.status != 202:
            raise GatewayError(
                f"{request.name} was not accepted",
                expected="202 Accepted",
                seen=f"{response.status} {response.text.strip()}",
            )
        return response

    async def _call(self, route: str, request: FunctionRequest) -> FunctionResponse:
        if not (request.method.isascii() and request.method.isalpha()):
            raise InvalidValueError(
                "there is no such method", expected="GET, POST, …", seen=repr(request.method)
            )
        headers = dict(request.headers or {})
        names = {name.lower(): value for name, value in headers.items()}
        # The id is set here, so that the call can be found even if no response
        # comes.
        call_id = names.get(CALL_ID.lower()) or headers.setdefault(CALL_ID, str(uuid.uuid4()))
        if "content-type" not in names:
            headers["Content-Type"] = "text/plain"
        query = f"?{request.query}" if request.query else ""
        path = f"/{route}/{quote(request.name)}{request.path}{query}"
        body = request.body
        self._http.open()  # not part of the caller's waiting time
        started = time.perf_counter()
        response = await self._http.request(
            request.method,
            path,
            content=body.encode() if isinstance(body, str) else body,
            headers=_encode_headers(headers),
            timeout=request.timeout,
        )
        seconds = time.perf_counter() - started
        return FunctionResponse(
            response.status_code, response.content, dict(response.headers), call_id, seconds
        )

    async def deploy(self, deployment: Mapping[str, Any]) -> bool:
        """Create a function, or update it; return whether it was created.

        ``deployment`` is as in OpenFaaS's API: ``service``, ``image``,
        ``envProcess`` …
        """
        response = await self.request("PUT", "/system/functions", json=deployment)
        is_new = response.status_code == 404
        if is_new:
            response = await self.request("POST", "/system/functions", json=deployment)
        expect(response, f"{deployment['service']} was not deployed", 200, 202)
        return is_new

    async def remove(self, name: str) -> bool:
        """Remove a function; return whether it existed."""
        response = await self.request("DELETE", "/system/functions", json={"functionName": name})
        if response.status_code == 404:
            return False
        expect(response, f"{name} was not removed", 200, 202)
        return True

    async def scale(self, name: str, replicas: int) -> None:
        """Change how many replicas a function has."""
        path, body = f"/system/scale-function/{quote(name)}", {"serviceName": name, "replicas": replicas}
        expect(await self.request("POST", path, json=body), f"{name} was not scaled", 200, 202)

    async def functions(self) -> list[dict[str, Any]]:
        """Return every function's status, as OpenFaaS describes it."""
        return list(await self.json("GET", "/system/functions", "the functions could not be listed"))

    async def queues(self) -> list[QueueStatus]:
        """Return every queue's status, ordered by name."""
        documents = await self.json("GET", "/system/queues", "the queues could not be listed")
        return list(map(QueueStatus.from_json, documents))

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines that a function's replicas logged."""
        return [line["text"] for line in await self.log_lines(name, tail=tail)]

    async def log_lines(self, name: str, *, tail: int) -> list[dict[str, Any]]:
        """Return the same with their times: ``timestamp``, ``text``."""
        response = await self.request("GET", "/system/logs", params={"name": name, "tail": tail})
        expect(response, f"the log of {name} could not be read", 200)
        try:
            lines = [json.loads(line) for line in response.text.split("\n") if line]
            return [{"timestamp": str(line["timestamp"]), "text": str(line["text"])} for line in lines]
        except (ValueError, TypeError, KeyError) as error:
            raise _unreadable(f"the log of {name} could not be read", response.text) from error

    async def follow_logs(self, name: str, **parameters: str | int) -> AsyncIterator[dict[str, Any]]:
        """Yield a function's log lines as they come: ``timestamp``, ``text``.

        ``parameters`` are ``tail`` or ``since`` of ``/system/logs``. It ends
        with the connection.
        """
        params = {"name": name, "follow": "true", **parameters}
        async for line in self._http.lines("/system/logs", params=params, auth=self._auth):
            if line:
                yield json.loads(line)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the lab's credentials; return any response."""
        return await self._http.request(method, path, auth=self._auth, timeout=_MANAGE_SECONDS, **options)

    async def json(
        self, method: str, path: str, headline: str, *, next_step: str = "", **options: Any
    ) -> Any:
        """Return the JSON of a 200; else raise an error with ``headline``."""
        response = await self.request(method, path, **options)
        expect(response, headline, 200, next_step=next_step)
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise _unreadable(headline, response.text) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _unreadable(headline: str, text: str) -> GatewayError:
    return GatewayError(headline, expected="JSON", seen=repr(text[:80]))


def _encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Encode headers as UTF-8; httpx's own encoding fails on some letters."""
    for name, value in headers.items():
        if not name.isascii() or not name or any(letter in name + value for letter in "\r\n\0"):
            raise InvalidValueError(
                f"a header can't be sent: {name!r}: {value!r}", expected="an ASCII name, and no line break"
            )
    return [(name.encode(), value.encode()) for name, value in headers.items()]
