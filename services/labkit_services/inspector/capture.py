"""Taking a request: any method, any path below a bin, every byte."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from labkit_services.contract.compact_json import encode
from labkit_services.http import HangUpError, Request, Response
from labkit_services.inspector.callback import decode
from labkit_services.inspector.names import checked, split_capture_path
from labkit_services.inspector.record import Arrival
from labkit_services.inspector.store import Store


@dataclass(slots=True)
class _Taken:
    """What came of a body: its first bytes, and size and hash of all."""

    kept: bytes
    size: int
    sha256: str


class Capture:
    """The handler of ``/r/NAME…`` and ``/NAME…``."""

    def __init__(self, store: Store, *, body_limit: int) -> None:
        self._store = store
        self._body_limit = body_limit

    async def __call__(self, request: Request) -> Response:
        """Keep the request and say under which id, unless its bin is to answer otherwise.

        Raises:
            LabError: No bin can have this name, or there are too many.
            HangUpError: The bin hangs up.
        """
        received_ns, begun = time.time_ns(), time.perf_counter()
        name, subpath = split_capture_path(request.path)
        checked(name)
        taken = await self._take_body(request)
        record, created = self._store.add(
            name,
            Arrival(
                received_ns=received_ns,
                body_seconds=time.perf_counter() - begun,
                peer=request.peer,
                http_version=request.http_version,
                method=request.method,
                target=request.target,
                path=request.path,
                subpath=subpath,
                query=request.query,
                headers=tuple(request.headers.pairs),
                body=taken.kept,
                size=taken.size,
                sha256=taken.sha256,
                callback=decode(request.headers),
            ),
        )
        status = self._store.bins[name].answer
        if status == 0:
            raise HangUpError
        headers = [("Content-Type", "application/json"), ("X-Bin-Id", name), ("X-Request-Id", record.id)]
        if created:
            headers.append(("X-Bin-Created", "1"))
        body = encode({"ok": status < 400, "id": record.id})
        return Response(status, headers, body.encode())

    async def _take_body(self, request: Request) -> _Taken:
        if request.incoming.complete:
            body = request.incoming.take()
            return _Taken(body[: self._body_limit], len(body), hashlib.sha256(body).hexdigest())
        # However long it is, no more of it is held than is kept.
        kept, size, sha256 = bytearray(), 0, hashlib.sha256()
        async for part in request.stream():
            size += len(part)
            sha256.update(part)
            kept += part[: self._body_limit - len(kept)]
        return _Taken(bytes(kept), size, sha256.hexdigest())
