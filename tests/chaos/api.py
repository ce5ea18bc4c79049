"""The gateway's REST API over HTTP; every request has a deadline."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable
from typing import Any

from labkit_services.http import HttpClient, UpstreamError

_ADMIN_SECONDS = 20.0


class GatewayApi:
    """Client of a gateway that may be unreachable at any moment."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._client = HttpClient()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    async def call(
        self, function: str, headers: Iterable[tuple[str, str]], body: bytes, timeout: float
    ) -> tuple[int, str]:
        """Request an asynchronous call; return status and ``X-Call-Id``.

        Raises:
            UpstreamError, TimeoutError: No response; whether the call was accepted is unknown.
        """
        async with asyncio.timeout(timeout):
            response = await self._client.request(
                "POST", f"{self.url}/async-function/{function}", headers, body
            )
            await response.read()
            return response.status, response.headers.get("X-Call-Id")

    async def system(self, method: str, path: str, document: Any = None) -> Any:
        """Repeat a request until its status is below 500; return its JSON.

        Raises:
            TimeoutError: No such response in time.
        """
        headers = [("Authorization", f"Basic {self._basic}")]
        body = b"" if document is None else json.dumps(document).encode()
        async with asyncio.timeout(_ADMIN_SECONDS):
            while True:
                try:
                    response = await self._client.request(method, self.url + path, headers, body)
                    content = await response.read()
                except UpstreamError:
                    await asyncio.sleep(0.2)
                    continue
                if response.status < 500:
                    return json.loads(content) if content.startswith((b"{", b"[")) else None
                await asyncio.sleep(0.2)

    async def until_available(self, function: str) -> None:
        """Wait until a function has a replica that accepts calls.

        Raises:
            TimeoutError: It has none in time.
        """
        async with asyncio.timeout(_ADMIN_SECONDS):
            while True:
                if (await self.system("GET", f"/system/function/{function}"))["availableReplicas"]:
                    return
                await asyncio.sleep(0.05)

    async def dead_letters(self) -> dict[str, list[str]]:
        """Return the kinds of every call's dead letters, by call id."""
        found: dict[str, list[str]] = {}
        for queue in await self.system("GET", "/system/queues"):
            after = 0
            while letters := await self.system(
                "GET", f"/system/queues/{queue['name']}/dead-letters?after={after}&limit=1000"
            ):
                for letter in letters:
                    found.setdefault(letter["callId"], []).append(letter["kind"])
                after = letters[-1]["sequence"]
        return found
