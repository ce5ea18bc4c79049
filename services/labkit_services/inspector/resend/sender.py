"""Sends one request to an allowed target; follows no redirect."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from labkit_services.http import HttpClient
from labkit_services.http.client_connection import ClientResponse
from labkit_services.http.errors import ConnectError, UpstreamError
from labkit_services.http.headers import HOP_BY_HOP, Pair
from labkit_services.inspector.errors import RequestRefusedError
from labkit_services.inspector.resend.targets import CheckedTarget

_CONNECTION = HOP_BY_HOP | {"date"}
_FRAMING = _CONNECTION | {"content-length"}
"""The response to HEAD keeps its length: that of the body it would have."""


class NoAnswerError(RequestRefusedError, ConnectionError):
    """The target did not answer."""

    status = 502


@dataclass(frozen=True, slots=True)
class TargetResponse:
    """A target's response without the headers of its connection.

    Attributes:
        complete: False if the body was longer than allowed: it is cut.
    """

    status: int
    headers: tuple[Pair, ...]
    body: bytes
    complete: bool


@dataclass(frozen=True)
class Sender:
    """Sends requests; ``limit`` bounds the bodies of responses."""

    client: HttpClient
    limit: int

    async def send(
        self, target: CheckedTarget, method: str, headers: list[Pair], body: bytes, seconds: float
    ) -> TargetResponse:
        """Return the response; raise NoAnswerError if none came in time.

        A redirect is a response like any other: to follow it could lead to a
        target that is not allowed.
        """
        try:
            async with asyncio.timeout(seconds):
                response = await self._open(target, method, headers, body)
                return await self._read(response, _CONNECTION if method == "HEAD" else _FRAMING)
        except TimeoutError:
            raise NoAnswerError(
                f"no answer from {target.url[:200]} within {seconds:g} s", next_step="is it busy, or held?"
            ) from None
        except (UpstreamError, ValueError) as error:
            raise NoAnswerError(
                f"no answer from {target.url[:200]}", seen=str(error), next_step="does a server listen there?"
            ) from error

    async def _open(
        self, target: CheckedTarget, method: str, headers: list[Pair], body: bytes
    ) -> ClientResponse:
        *others, last = target.origins
        for origin in others:
            try:
                return await self.client.send(origin, method, target.target, headers, body)
            except ConnectError:
                continue  # nothing was sent: try the host's next address
        return await self.client.send(last, method, target.target, headers, body)

    async def _read(self, response: ClientResponse, left_out: frozenset[str]) -> TargetResponse:
        kept, size = bytearray(), 0
        try:
            async for part in response.incoming:
                size += len(part)
                kept += part[: self.limit - len(kept)]
                if size > self.limit:
                    break
        finally:
            response.close()
        headers = tuple(pair for pair in response.headers.pairs if pair[0].lower() not in left_out)
        return TargetResponse(response.status, headers, bytes(kept), size <= self.limit)
