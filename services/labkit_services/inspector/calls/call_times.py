"""How long the call of a captured callback waited, and took."""

from __future__ import annotations

import asyncio

from labkit_services.contract.errors import LabError
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.records.request_record import RequestRecord

_SECONDS = 1.0


class CallTimes:
    """Reads the times from the event log, if that is there."""

    def __init__(self, feed: CallFeed) -> None:
        self._feed = feed

    async def of(self, record: RequestRecord) -> dict[str, float | None]:
        """Return the seconds in the queue, and from client to arrival here.

        The headers of a callback have neither: ``X-Duration-Seconds`` begins
        when a worker takes the call.
        """
        callback = record.request.callback
        if callback is None or not callback.call_id:
            return {}
        try:
            async with asyncio.timeout(_SECONDS):
                await self._feed.catch_up()
        except (LabError, TimeoutError):
            return {"queue_wait_seconds": None, "end_to_end_seconds": None}
        call = self._feed.index.log.get(callback.call_id, callback.function)
        begin = None if call is None else call.sent if call.sent is not None else call.received
        whole = None if begin is None else round((record.request.received_ns - begin) / 1e9, 6)
        return {"queue_wait_seconds": call.waited_in_queue if call else None, "end_to_end_seconds": whole}
