"""A request bin of one's own: where callbacks can be sent and looked at."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.errors import InspectorError, LabGoneError
from services.contract.errors import LabTimeoutError

if TYPE_CHECKING:
    import httpx

_CALL_SECONDS = 10.0
_LONGEST_POLL_SECONDS = 30.0


@dataclass(frozen=True)
class CapturedRequest:
    """One request that reached a bin.

    Attributes:
        id: The record's id.
        method: HTTP method.
        path: Path below the inspector, such as ``/r/callbacks``.
        headers: Ordered pairs, spelled as they came.
        body: Exact bytes, at most what the bin keeps.
        call_id: Its ``X-Call-Id``, or "".
        function: Name of the function whose result it is, or "".
        function_status: The function's status when it is a callback, else None.
        duration_seconds: ``X-Duration-Seconds`` when it is a callback, else None.
        record: All that the inspector knows, as its API gives it.
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
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return the first value of a header, or ""."""
        wanted = name.lower()
        return next((value for other, value in self.headers if other.lower() == wanted), "")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CapturedRequest:
        """Read the inspector's record."""
        said = record.get("openfaas") or {}
        return cls(
            id=record["id"],
            method=record["method"],
            path=record["path"],
            headers=tuple((name, value) for name, value in record["headers"]),
            body=base64.b64decode(record["body_base64"]),
            call_id=said.get("call_id") or "",
            function=said.get("function_name") or "",
            function_status=said.get("function_status"),
            duration_seconds=said.get("duration_seconds"),
            record=record,
        )


class InspectorClient:
    """The inspector's API; lives on the hub's loop."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._client: httpx.AsyncClient | None = None

    async def create(self, name: str) -> None:
        """Create a bin unless it is there."""
        await self._ask("PUT", f"/bins/{quote(name, safe='')}", {}, 200, 201)

    async def requests(self, name: str, **filters: Any) -> list[CapturedRequest]:
        """Return what a bin holds, oldest first."""
        found = await self._ask("GET", f"/bins/{quote(name, safe='')}/requests", filters, 200)
        return [CapturedRequest.from_record(record) for record in found["requests"]]

    async def clear(self, name: str) -> None:
        """Drop what a bin holds."""
        await self._ask("DELETE", f"/bins/{quote(name, safe='')}/requests", {}, 200, 204)

    async def wait(
        self, name: str, *, patience: float, count: int, filters: Mapping[str, Any]
    ) -> list[CapturedRequest]:
        """Return the matching requests once there are ``count`` of them.

        Raises:
            LabTimeoutError: They did not come; says what came instead.
        """
        deadline = time.monotonic() + patience
        while True:
            remaining = max(deadline - time.monotonic(), 0.0)
            poll = min(remaining, _LONGEST_POLL_SECONDS)
            found = await self.requests(
                name,
                order="oldest",
                limit=max(count, 100),
                wait=f"{int(poll * 1000)}ms",
                min=count,
                **filters,
            )
            if len(found) >= count:
                return found
            if time.monotonic() >= deadline:
                break
        others = await self.requests(name, order="newest", limit=3)
        wanted = ", ".join(f"{key}={value}" for key, value in filters.items()) or "any"
        raise LabTimeoutError(
            f"the bin {name} waited {patience:g} s in vain",
            expected=f"{count} request(s) matching: {wanted}",
            seen=f"{len(found)} that match; the newest in the bin: "
            + ("; ".join(_summary(request) for request in others) or "none at all"),
            next_step="look at the callback's fate in the worker's log: lab.logs('queue-worker')",
        )

    async def _ask(self, method: str, path: str, query: Mapping[str, Any], *statuses: int) -> Any:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=f"{self.url}/api/v1",
                headers={"Authorization": f"Bearer {self._token}"},
                trust_env=False,
            )
        try:
            response = await self._client.request(
                method, path, params=dict(query), timeout=_CALL_SECONDS + _LONGEST_POLL_SECONDS
            )
        except httpx.HTTPError as error:
            raise LabGoneError(
                expected=f"the inspector at {self.url}",
                seen=repr(error),
                next_step="start the lab again: run the notebook's first cell, or labkit up",
            ) from error
        if response.status_code not in statuses:
            raise InspectorError(
                f"{method} {path} failed",
                expected=str(statuses),
                seen=f"{response.status_code} {response.text}",
            )
        return response.json() if response.content else None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _summary(request: CapturedRequest) -> str:
    said = f", function said {request.function_status}" if request.function_status is not None else ""
    return f"{request.method} {request.path}{said}"


class Bin:
    """A request bin; as ``callback=`` it is its own URL.

    Attributes:
        name: Its name.
        url: Where requests are sent: ``http://127.0.0.1:8090/r/<name>``.
    """

    def __init__(self, name: str, inspector: InspectorClient, run: Any) -> None:
        self.name = name
        self.url = f"{inspector.url}/r/{quote(name, safe='')}"
        self._inspector = inspector
        self._run = run

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Bin({self.name!r}, {self.url})"

    def wait(
        self, *, call_id: str = "", function: str = "", method: str = "", timeout: float = 10.0
    ) -> CapturedRequest:
        """Return the first request that fits, waiting up to ``timeout`` seconds for it.

        Raises:
            LabTimeoutError: None came; says what is in the bin instead.
        """
        return self.wait_all(1, call_id=call_id, function=function, method=method, timeout=timeout)[0]

    def wait_all(
        self, count: int, *, call_id: str = "", function: str = "", method: str = "", timeout: float = 10.0
    ) -> list[CapturedRequest]:
        """Return the requests that fit, once there are ``count`` of them, oldest first."""
        given = {"call_id": call_id, "function": function, "method": method}
        filters = {key: value for key, value in given.items() if value}
        found: list[CapturedRequest] = self._run(
            self._inspector.wait(self.name, patience=timeout, count=count, filters=filters)
        )
        return found

    def requests(self) -> list[CapturedRequest]:
        """Return all it holds, oldest first."""
        found: list[CapturedRequest] = self._run(
            self._inspector.requests(self.name, order="oldest", limit=500)
        )
        return found

    def clear(self) -> None:
        """Drop all it holds."""
        self._run(self._inspector.clear(self.name))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(request.method)}</td><td>{html.escape(request.function)}</td>"
            f"<td>{request.function_status or ''}</td><td>{len(request.body)}</td></tr>"
            for request in reversed(self.requests())
        )
        return (
            f"<p>bin <b>{html.escape(self.name)}</b> <code>{html.escape(self.url)}</code></p>"
            "<table><thead><tr><th>method</th><th>function</th><th>status</th><th>bytes</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )
