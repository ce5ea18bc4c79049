"""A client of the inspector's API: bins and captured requests."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.api_request import ApiRequest
from labkit.clients.http_client import ServiceHttpClient, expect
from labkit.errors import InspectorError
from labkit_services.contract.errors import InvalidValueError, LabError, LabTimeoutError
from labkit_services.contract.headers import RUN_ID
from labkit_services.contract.times import parse_rfc3339

if TYPE_CHECKING:
    import httpx

_CALL_SECONDS = 10.0
_RELAY_SECONDS = 100.0
_SILENCE_SECONDS = 25.0
"""The inspector sends an event at least every ten seconds."""
_LONGEST_POLL_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 60.0
"""The inspector's limit for a verification."""


@dataclass(frozen=True)
class CapturedRequest:
    """One request that reached a bin.

    Attributes:
        id: The capture's id.
        method: HTTP method.
        path: Path below the inspector, such as ``/r/callbacks``.
        headers: Ordered pairs, spelled as they were received.
        body: Exact bytes, up to the bin's limit.
        call_id: Its ``X-Call-Id``, or "".
        function: Name of the function whose result it is, or "".
        function_status: The function's status when it is a callback, else
            None.
        duration_seconds: ``X-Duration-Seconds`` when it is a callback, else
            None.
        record: The whole document of the inspector's API.
    """

    id: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    call_id: str
    function: str
    function_status: int | None
    duration_seconds: float | None
    record: Mapping[str, Any] = field(repr=False)

    @property
    def status(self) -> int | None:
        """What the bin answered: 0 if it cut the connection, None if open."""
        response = self.record.get("response")
        return response["status"] if response else None

    @property
    def bin(self) -> str:
        """Name of its bin."""
        return str(self.record["bin"])

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        wanted = name.lower()
        return next((value for other, value in self.headers if other.lower() == wanted), "")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CapturedRequest:
        """Read a request in the form of the inspector's API."""
        openfaas = record.get("openfaas") or {}
        return cls(
            id=record["id"],
            method=record["method"],
            path=record["path"],
            headers=tuple((name, value) for name, value in record["headers"]),
            body=base64.b64decode(record["body_base64"]),
            call_id=openfaas.get("call_id") or "",
            function=openfaas.get("function_name") or "",
            function_status=openfaas.get("function_status"),
            duration_seconds=openfaas.get("duration_seconds"),
            record=record,
        )


@dataclass(frozen=True)
class ServerEvent:
    """A server-sent event; ``id`` is "" for one that is no change."""

    id: str
    name: str
    data: Mapping[str, Any]


class InspectorClient:
    """A client of the inspector."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = ServiceHttpClient("inspector", url, InspectorError)

    async def create(self, name: str) -> None:
        """Create a bin unless it exists."""
        await self._request("PUT", _bin_path(name), 200, 201)

    async def bins(self) -> list[dict[str, Any]]:
        """Return all bins, as the inspector's API does."""
        document = await self._request("GET", "/api/v1/bins", 200)
        return list(document["bins"])

    async def change(self, name: str, path: str, method: str, document: Any = None) -> Any:
        """Change something of a bin; ``path`` is such as ``/hold``."""
        return await self._request(method, f"{_bin_path(name)}{path}", 200, 201, 204, json=document)

    async def verify(self, name: str, document: Mapping[str, Any], within: float) -> dict[str, Any]:
        """Return the verdict on a bin's requests, waiting for it."""
        path = f"{_bin_path(name)}/verify"
        verdict: dict[str, Any] = await self._request(
            "POST", path, 200, json={**document, "within": f"{int(within * 1000)}ms"}
        )
        return verdict

    async def export(self, name: str, form: str, *, mask_secrets: bool) -> bytes:
        """Return a bin's requests as a file: ``har``, ``jsonl``, ``csv``."""
        params = {"format": form, "secrets": "mask" if mask_secrets else "keep"}
        response = await self._send("GET", f"{_bin_path(name)}/export", 200, params=params)
        return response.content

    async def load(self, name: str, data: bytes) -> int:
        """Add the requests of an exported file; return how many."""
        document = await self._request("POST", f"{_bin_path(name)}/import", 201, content=data)
        return int(document["imported"])

    async def set_response(self, name: str, status: int) -> None:
        """Set the status that a bin answers with; 0 closes the connection."""
        await self._request("PUT", _bin_path(name), 200, 201, json={"answer": status})

    async def requests(self, name: str, **filters: Any) -> list[CapturedRequest]:
        """Return the requests in a bin that match the filters."""
        document = await self._request("GET", f"{_bin_path(name)}/requests", 200, params=filters)
        return [CapturedRequest.from_record(record) for record in document["requests"]]

    async def summaries(self, since_ns: int) -> list[dict[str, Any]]:
        """Return the requests of all bins since then, without bodies."""
        found = []
        for stored in (await self._request("GET", "/api/v1/bins", 200))["bins"]:
            path = f"{_bin_path(stored['name'])}/requests"
            parameters = {"bodies": "false", "order": "oldest", "limit": 500}
            document = await self._request("GET", path, 200, params=parameters)
            found += [{**one, "bin": stored["name"]} for one in document["requests"]]
        return [one for one in found if parse_rfc3339(one["received_at"]) >= since_ns]

    async def page(self, name: str, limit: int) -> dict[str, Any]:
        """Return the newest requests without bodies, and the bin's counts."""
        parameters = {"bodies": "false", "order": "newest", "limit": limit}
        document: dict[str, Any] = await self._request(
            "GET", f"{_bin_path(name)}/requests", 200, params=parameters
        )
        return document

    async def request(self, name: str, request_id: str) -> dict[str, Any]:
        """Return one request with its headers and its body."""
        path = f"{_bin_path(name)}/requests/{quote(request_id, safe='')}"
        document: dict[str, Any] = await self._request("GET", path, 200)
        return document

    async def describe(self, name: str) -> dict[str, Any]:
        """Return a bin without its requests."""
        document: dict[str, Any] = await self._request("GET", _bin_path(name), 200)
        return document

    async def follow(self, name: str = "", after: str = "") -> AsyncGenerator[ServerEvent, None]:
        """Yield the events of a bin as they come, with heartbeats.

        Without a name they are those of all bins.
        ``after`` is the id of the last event that was read: what was missed
        comes first. It ends with the connection.
        """
        headers = {**self._headers, **({"Last-Event-ID": after} if after else {})}
        path = f"{_bin_path(name)}/events" if name else "/api/v1/events"
        fields: dict[str, str] = {}
        async for line in self._http.lines(path, silence=_SILENCE_SECONDS, headers=headers):
            if line:
                key, _, value = line.partition(": ")
                fields[key] = value
            elif "event" in fields:
                data = json.loads(fields.get("data") or "{}")
                yield ServerEvent(fields.get("id", ""), fields["event"], data)
                fields = {}

    async def clear(self, name: str) -> None:
        """Delete a bin's requests."""
        await self._request("DELETE", f"{_bin_path(name)}/requests", 200, 204)

    async def wait(
        self, name: str, *, timeout: float, count: int, filters: Mapping[str, Any]
    ) -> list[CapturedRequest]:
        """Return the matching requests once there are ``count`` of them."""
        deadline = time.monotonic() + timeout
        while True:
            poll = min(max(deadline - time.monotonic(), 0.0), _LONGEST_POLL_SECONDS)
            wait = {"wait": f"{int(poll * 1000)}ms", "min": count}
            requests = await self.requests(name, order="oldest", limit=max(count, 100), **wait, **filters)
            if len(requests) >= count:
                return requests
            if time.monotonic() >= deadline:
                break
        newest = await self.requests(name, order="newest", limit=3)
        shown = "; ".join(map(_summary, newest)) or "none"
        wanted = ", ".join(f"{key}={value}" for key, value in filters.items()) or "any"
        raise LabTimeoutError(
            f"too few requests in the bin {name} after {timeout:g} s",
            expected=f"{count} or more requests matching: {wanted}",
            seen=f"{len(requests)} matching; the newest in the bin: {shown}",
            next_step="look for the callback in the worker's log: lab.logs('queue-worker')",
        )

    async def relay(self, request: ApiRequest, run_id: str) -> tuple[int, Any]:
        """Send a page's request; return status and JSON, or None for none.

        The inspector of another run of the lab refuses it.
        """
        headers = {**self._headers, RUN_ID: run_id}
        if request.body:
            headers["Content-Type"] = "application/json"
        response = await self._http.request(
            request.method,
            f"/{request.path}",
            timeout=_RELAY_SECONDS,
            headers=headers,
            content=request.body.encode(),
        )
        try:
            return response.status_code, response.json() if response.content else None
        except ValueError:
            seen = f"{response.status_code} {response.headers.get('Content-Type', '')}"
            raise InspectorError("the answer is not JSON", expected="JSON", seen=seen) from None

    async def _request(self, method: str, path: str, *statuses: int, **options: Any) -> Any:
        response = await self._send(method, path, *statuses, **options)
        return response.json() if response.content else None

    async def _send(self, method: str, path: str, *statuses: int, **options: Any) -> httpx.Response:
        timeout = _CALL_SECONDS + _LONGEST_WAIT_SECONDS
        response = await self._http.request(method, path, timeout=timeout, headers=self._headers, **options)
        if response.status_code not in statuses and (error := _error_of(response)):
            raise error
        expect(response, f"{method} {path} failed", *statuses, error_type=InspectorError)
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _error_of(response: httpx.Response) -> LabError | None:
    """Return the error that the inspector describes in JSON, if it does."""
    try:
        document = response.json()
    except ValueError:
        return None
    if not isinstance(document, dict) or "error" not in document:
        return None
    expected, seen, next_step = (str(document.get(name, "")) for name in ("expected", "seen", "next"))
    kind = InvalidValueError if response.status_code == 422 else InspectorError
    return kind(str(document["error"]), expected=expected, seen=seen, next_step=next_step)


def _bin_path(name: str) -> str:
    return f"/api/v1/bins/{quote(name, safe='')}"


def _summary(request: CapturedRequest) -> str:
    status = f", function status {request.function_status}" if request.function_status is not None else ""
    return f"{request.method} {request.path}{status}"
