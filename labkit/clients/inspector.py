"""The inspector's API, as a client sees it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.captured import CapturedRequest
from labkit.errors import InspectorError, LabGoneError
from labkit_services.contract.errors import LabTimeoutError

if TYPE_CHECKING:
    import httpx

_CALL_SECONDS = 10.0
_LONGEST_POLL_SECONDS = 30.0


class InspectorClient:
    """The inspector's API; lives on the hub's loop."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._client: httpx.AsyncClient | None = None

    async def create(self, name: str) -> None:
        """Create a bin unless it is there."""
        await self._ask("PUT", f"/bins/{quote(name, safe='')}", {}, 200, 201)

    async def answer_with(self, name: str, status: int) -> None:
        """Have a bin answer so from now on; 0 hangs up."""
        await self._ask("PUT", f"/bins/{quote(name, safe='')}", {}, 200, 201, json={"answer": status})

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

    async def _ask(
        self, method: str, path: str, query: Mapping[str, Any], *statuses: int, json: Any = None
    ) -> Any:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=f"{self.url}/api/v1",
                headers={"Authorization": f"Bearer {self._token}"},
                trust_env=False,
                verify=self.url.startswith("https:"),  # else nobody's certificate is looked at
            )
        try:
            response = await self._client.request(
                method, path, params=dict(query), json=json, timeout=_CALL_SECONDS + _LONGEST_POLL_SECONDS
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
