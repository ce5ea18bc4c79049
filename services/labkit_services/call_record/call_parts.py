"""The parts of a call: its attempts, their processes, its callbacks.

All times are Unix nanoseconds by the clock of the process that saw the thing
happen, and None until it has been reported. All durations are seconds, and
None until both of their ends are known.
"""

from __future__ import annotations

from dataclasses import dataclass


def seconds_between(start_ns: int | None, end_ns: int | None) -> float | None:
    """Return the seconds from one time to another, None unless both are known."""
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e9


def is_success(status: int | None) -> bool:
    """Tell whether an HTTP status means that the work was done."""
    return status is not None and 200 <= status < 400


@dataclass(frozen=True, slots=True)
class Process:
    """The process that the watchdog forked for one attempt.

    Attributes:
        pid: Its process id.
        started: When it was forked.
        exited: When its exit was seen.
        code: Its exit code; negative is the number of the signal that ended it.
    """

    pid: int | None = None
    started: int | None = None
    exited: int | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that the function was asked.

    Attributes:
        number: Which delivery of the call, from 1; of a synchronous call, which request.
        delivered: When a queue-worker took it from the queue; None for a synchronous call.
        asked: When the worker (async) or the gateway (sync) asked the function.
        finished: When the answer was complete, or the error known.
        status: HTTP status of the function's answer.
        error: Why there was no answer, or "".
        process: What the watchdog forked for it, if it reported.
        retry_scheduled: When the next attempt was scheduled.
        retry_delay: How many seconds that one was put off.
        acked: When the queue was told that this call needs no further attempt.
    """

    number: int
    delivered: int | None = None
    asked: int | None = None
    finished: int | None = None
    status: int | None = None
    error: str = ""
    process: Process | None = None
    retry_scheduled: int | None = None
    retry_delay: float | None = None
    acked: int | None = None

    @property
    def started(self) -> int | None:
        """When the function was asked, or where nobody reported that, when its process began."""
        if self.asked is not None:
            return self.asked
        return self.process.started if self.process else None

    @property
    def has_failed(self) -> bool:
        """Whether it is over without success; False while it runs."""
        return bool(self.error) or (self.status is not None and not is_success(self.status))

    @property
    def work(self) -> tuple[int | None, int | None]:
        """From when to when the function worked.

        That is its process's life. A function elsewhere (a real OpenFaaS, a
        container) has no process here: then from asked to answered.
        """
        if self.process and self.process.started is not None:
            ended = self.process.exited if self.process.exited is not None else self.finished
            return self.process.started, ended
        return self.asked, self.finished

    @property
    def ran(self) -> float | None:
        """Seconds that the function worked."""
        return seconds_between(*self.work)


@dataclass(frozen=True, slots=True)
class Callback:
    """One delivery of a result to the ``X-Callback-Url``.

    Attributes:
        attempt: The attempt whose result it carried.
        url: Where to, as the worker sees it.
        sent: When the worker began to post it.
        answered: When the receiver's answer, or the error, was known.
        status: HTTP status of the receiver's answer.
        error: Why there was no answer, or "".
        retry_scheduled: When the next try was scheduled.
        retry_delay: How many seconds that one was put off.
    """

    attempt: int
    url: str = ""
    sent: int | None = None
    answered: int | None = None
    status: int | None = None
    error: str = ""
    retry_scheduled: int | None = None
    retry_delay: float | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it is over and the receiver has not accepted it."""
        return bool(self.error) or (self.status is not None and not is_success(self.status))


@dataclass(frozen=True, slots=True)
class Capture:
    """A request that carried the call's id and reached a bin of the inspector.

    Attributes:
        time: When it arrived.
        bin: Name of the bin.
        request: The request's id in that bin.
        bytes: Size of its body.
    """

    time: int
    bin: str
    request: str
    bytes: int | None
