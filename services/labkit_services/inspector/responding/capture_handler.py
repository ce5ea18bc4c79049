"""Captures a request: any method, any path below a bin, every byte."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from labkit_services.http import HangUpError, Request, Response
from labkit_services.http.headers import Pair
from labkit_services.inspector.records.bin_names import check_bin_name, split_capture_path
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse, cut_response
from labkit_services.inspector.resend.replay_marks import ReplayMarks, without_mark
from labkit_services.inspector.responding.response_plan import JSON, Responder, ResponsePlan
from labkit_services.inspector.responding.statuses import WITHOUT_BODY
from labkit_services.inspector.security_headers import SECURITY_LINES
from labkit_services.inspector.storage.bin_store import BinStore

_JSON_LINE = f"{JSON[0][0]}: {JSON[0][1]}\r\n"


@dataclass(frozen=True)
class CaptureHandler:
    """The handler of ``/r/NAME…`` and ``/NAME…``."""

    store: BinStore
    responder: Responder
    replays: ReplayMarks
    body_limit: int

    async def __call__(self, request: Request, check_new_bin: Callable[[Request], None]) -> Response:
        """Store the request, then the response, then respond.

        The response is sent once both are saved: a request that was answered
        is not lost, even if the inspector is killed. ``check_new_bin`` raises
        an error if the request may not create its bin.
        """
        received_ns, started = time.time_ns(), time.perf_counter()
        name, subpath = split_capture_path(request.path)
        if name not in self.store.bins:
            check_new_bin(request)
            check_bin_name(name)
        if request.incoming.complete:
            body = request.incoming.take()
            size, sha256, body = len(body), hashlib.sha256(body).hexdigest(), body[: self.body_limit]
        else:
            body, size, sha256 = await self._read_body(request)
        original = self.replays.original(request.headers)
        received = ReceivedRequest(
            received_ns=received_ns,
            body_seconds=time.perf_counter() - started,
            peer=request.peer,
            http_version=request.http_version,
            method=request.method,
            target=request.target,
            path=request.path,
            subpath=subpath,
            query=request.query,
            headers=without_mark(request.headers.pairs) if original else tuple(request.headers.pairs),
            body=body,
            size=size,
            sha256=sha256,
            callback=parse_callback_headers(request.headers),
        )
        record, created = self.store.add(name, received, replay_of=original)
        self.replays.captured(request.headers, record)
        try:
            plan = await self.responder.decide(self.store.bins[name].settings, record)
        except BaseException as error:
            left = isinstance(error, asyncio.CancelledError)
            cut = cut_response("disconnected" if left else "failed", time.perf_counter() - started)
            self.store.answered(record.id, cut)
            raise
        sent = _sent(plan, record, created, time.perf_counter() - started)
        self.store.answered(record.id, sent)
        await self.store.writer.saved()
        if sent.status == 0:
            raise HangUpError  # the server closes the connection
        # The server leaves the body out for HEAD, and announces its length.
        body = plan.body if request.method == "HEAD" else sent.body
        if plan.headers is JSON and not created:
            lines = f"{_JSON_LINE}X-Bin-Id: {name}\r\nX-Request-Id: {record.id}\r\n{SECURITY_LINES}"
            return Response(sent.status, (), body, lines)
        return Response(sent.status, sent.headers, body)

    async def _read_body(self, request: Request) -> tuple[bytes, int, str]:
        """Return the body's first bytes, and size and SHA-256 of the whole."""
        # However long the body is, only the part to keep is held in memory.
        kept, size, sha256 = bytearray(), 0, hashlib.sha256()
        async for part in request.stream():
            size += len(part)
            sha256.update(part)
            kept += part[: self.body_limit - len(kept)]
        return bytes(kept), size, sha256.hexdigest()


def _sent(plan: ResponsePlan, record: RequestRecord, created: bool, seconds: float) -> SentResponse:
    has_body = plan.status not in (0, *WITHOUT_BODY) and record.request.method != "HEAD"
    headers: tuple[Pair, ...] = ()
    if plan.status:
        headers = (*plan.headers, ("X-Bin-Id", record.bin), ("X-Request-Id", record.id))
        if created:
            headers += (("X-Bin-Created", "1"),)
    return SentResponse(
        status=plan.status,
        headers=headers,
        body=plan.body if has_body else b"",
        rule=plan.rule,
        overridden_by=plan.overridden_by,
        delay=plan.delay,
        started=seconds,
        ended=seconds,
        held=plan.held,
    )
