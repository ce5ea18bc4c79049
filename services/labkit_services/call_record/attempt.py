"""Attempts at a call, and the processes that ran them.

All times are Unix nanoseconds by the clock of the reporting process, None
until reported. All durations are seconds, None until both ends are known.
"""

from __future__ import annotations

from dataclasses import dataclass


def seconds_between(start_ns: int | None, end_ns: int | None) -> float | None:
    """Return the seconds between two times, None unless both are known."""
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e9


def is_success(status: int | None) -> bool:
    """Tell whether an HTTP status means success."""
    return status is not None and 200 <= status < 400


def has_failed(status: int | None, error: str) -> bool:
    """Tell whether a request ended without success; False while it runs."""
    return bool(error) or (status is not None and not is_success(status))


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """The process that the watchdog started for one attempt."""

    pid: int | None = None
    started: int | None = None
    exited: int | None = None
    code: int | None = None
    """Exit code; negative is the number of the signal that ended it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One invocation of the function for a call.

    Attributes:
        number: The delivery, from 1; of a synchronous call, the request.
        delivered: When a queue-worker received it; None for a synchronous
            call.
        asked: When the worker (async) or the gateway (sync) sent the request.
        finished: When the response was complete, or the error known.
        status: HTTP status of the function's response.
        error: Why there was no response, or "".
        process: The process that the watchdog started for it, if known.
        retry_scheduled: When a retry was scheduled.
        retry_delay: Seconds until the retry.
        acked: When the delivery was acknowledged: the call needs no further
            attempt.
        seq: Sequence number of the delivered message; None if synchronous.
        platform: Who answered in place of the function, as
            ``X-OpenFaaS-Internal`` names it, or "".
        detail: What it said, or "".
        limit: Number of the last attempt that the worker would make; None
            unless a retry was scheduled.
        broke_off: When the gateway saw the worker's connection break; None
            if the worker reported the end itself.
    """

    number: int
    delivered: int | None = None
    asked: int | None = None
    finished: int | None = None
    status: int | None = None
    error: str = ""
    process: ProcessRun | None = None
    retry_scheduled: int | None = None
    retry_delay: float | None = None
    acked: int | None = None
    seq: int | None = None
    platform: str = ""
    detail: str = ""
    limit: int | None = None
    broke_off: int | None = None

    @property
    def started(self) -> int | None:
        """When the function was invoked, or its process began."""
        if self.asked is not None:
            return self.asked
        return self.process.started if self.process else None

    @property
    def has_failed(self) -> bool:
        """Whether it has ended without success; False while it runs."""
        return has_failed(self.status, self.error)

    @property
    def work(self) -> tuple[int | None, int | None]:
        """Begin and end of the function's work.

        That is the lifetime of its process. Of a function elsewhere (a real
        OpenFaaS, a container) no process is reported: then it is from request
        to response.
        """
        if self.process and self.process.started is not None:
            ended = self.process.exited if self.process.exited is not None else self.finished
            return self.process.started, ended
        return self.asked, self.finished

    @property
    def ran(self) -> float | None:
        """Seconds that the function worked."""
        return seconds_between(*self.work)
