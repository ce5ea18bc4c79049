"""Verification of a bin: waits until the verdict is final, or time is up."""

from __future__ import annotations

import asyncio
from typing import Any

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import Request, Response
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.live.turns import in_turns
from labkit_services.inspector.queries.verify import (
    MAX_EXPECTATIONS,
    Expectation,
    Expected,
    Judgement,
    Verdict,
)
from labkit_services.inspector.records.request_ids import REQUEST_ID
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin, read_settings
from labkit_services.inspector.storage.bin_store import BinStore

MAX_WITHIN_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
"""Between two judgements, so that a burst of requests is judged once."""
_BYTES = 1024 * 1024
_FIELDS: dict[str, type] = {"expect": list, "ordered": bool, "no_extra": bool, "within": str, "after": str}


class VerifyRoutes:
    """The route of verification."""

    def __init__(self, store: BinStore, waiters: RequestWaiters) -> None:
        self._store = store
        self._waiters = waiters
        self.routes: list[Route] = [("POST", "/api/v1/bins/{bin}/verify", self._verify)]

    async def _verify(self, request: Request, path: PathValues) -> Response:
        """Judge now, and again at each change of the bin.

        What must not come is waited for all the time of ``within``.
        """
        settings = await read_settings(request, _FIELDS, _BYTES)
        expected, within, after = _expected(settings), _within(settings), settings.get("after", "")
        if after and not REQUEST_ID.fullmatch(after):
            raise InvalidValueError(
                "after is not a request's id", expected="26 letters and digits", seen=after
            )
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            name = find_bin(self._store, path).name
            verdict = await self._judge(name, expected, after)
            left = began + within - loop.time()
            if left <= 0 or verdict.is_final or (verdict.verified and not expected.needs_silence):
                break
            if not await self._waiters.changed(name, left):
                verdict = await self._judge(find_bin(self._store, path).name, expected, after)
                break
            await asyncio.sleep(min(_PAUSE_SECONDS, max(0.0, began + within - loop.time())))
        return Response.json(200, verdict.to_json() | {"waited": round(loop.time() - began, 3)})

    async def _judge(self, name: str, expected: Expected, after: str) -> Verdict:
        """Judge what the bin holds now; captures go on in between."""
        judgement = Judgement(expected)
        newest = self._store.record(name, "latest")
        until = newest.id if newest else ""
        async for record in in_turns(self._store.iterate(name)):
            if record.id > until:
                break
            if record.id > after:
                judgement.add(record)
        return judgement.verdict()


def _expected(settings: dict[str, Any]) -> Expected:
    documents = settings.get("expect")
    if not documents and not settings.get("no_extra"):
        expected = '"expect": [{"match": {…}}], or "no_extra": true'
        raise InvalidValueError("nothing is expected", expected=expected)
    if documents and len(documents) > MAX_EXPECTATIONS:
        expected = f"at most {MAX_EXPECTATIONS}"
        raise InvalidValueError("too many expectations", expected=expected, seen=str(len(documents)))
    return Expected(
        tuple(map(Expectation.parse, documents or ())),
        ordered=settings.get("ordered", False),
        no_extra=settings.get("no_extra", False),
    )


def _within(settings: dict[str, Any]) -> float:
    seconds = parse_duration(settings["within"]) if settings.get("within") else 0.0
    if not 0 <= seconds <= MAX_WITHIN_SECONDS:
        expected = f"0s to {MAX_WITHIN_SECONDS:g}s"
        raise InvalidValueError("within is out of range", expected=expected, seen=settings["within"][:40])
    return seconds
