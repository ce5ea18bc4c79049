"""Measured runs: calls made one after the other, and a progress bar."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

from labkit.clients.call_events import ReadableCalls
from labkit.clients.caller import in_kernel
from labkit.clients.connections import Connections
from labkit.clients.gateway import Body, FunctionRequest, GatewayClient
from labkit.lab.background_loop import GRACE_SECONDS, background_loop
from labkit.lab.interrupts import short_interrupt
from labkit.lab.run_conditions import RunConditions
from labkit.language import translated
from labkit.views.measurement import Measurement
from labkit.views.run_notes import Note, how_to_cancel
from labkit.views.traffic import Traffic
from labkit.views.words import ViewWords, words_in_use
from labkit_services.call_record.log import Call, CallLog, CallState, Mode
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError
from labkit_services.contract.events import Event, EventType, Row
from labkit_services.contract.headers import CALL_ID

MAX_CALLS = 10_000
RUN_SECONDS = 120.0
"""Timeout of a whole run."""
_FAILED = (CallState.FAILED, CallState.DEAD, CallState.CANCELLED)
_EVENTS_SECONDS = 5.0
"""How long to wait for the last events of calls that have ended."""
_PROGRESS_SECONDS = 0.25


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        answered: Calls that were answered.
        over: Calls whose function is over.
        failed: Calls without a success, among these.
        queue: The queue that the calls are in, or "".
        notes: What it found in the lab when it began; only at its beginning.
    """

    answered: int = 0
    over: int = 0
    failed: int = 0
    queue: str = ""
    notes: tuple[Note, ...] = ()


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class RunSpec:
    """What a run consists of; ``Lab.measure`` documents the fields."""

    function: str
    calls: int
    mode: Mode
    body: Body
    wait: bool
    timeout: float
    purge: bool = False
    traffic: Traffic | None = None

    def __post_init__(self) -> None:
        """Check ``calls``, ``mode`` and ``traffic``."""
        if self.traffic is not None and self.mode != "async":
            raise InvalidValueError(
                "traffic does not wait for responses", expected='mode="async"', seen=f"mode={self.mode!r}"
            )
        if not 1 <= self.calls <= MAX_CALLS:
            raise InvalidValueError(
                "the number of calls is out of range", expected=f"1 to {MAX_CALLS}", seen=str(self.calls)
            )
        if self.mode not in ("sync", "async"):
            raise InvalidValueError("unknown mode", expected="'sync' or 'async'", seen=repr(self.mode))


async def measure(connections: Connections, spec: RunSpec, on_progress: OnProgress) -> Measurement:
    """Make a run of calls; return them with the times of every hop."""
    events = await connections.call_events()
    conditions = RunConditions(connections.gateway, spec.function, spec.mode)
    await conditions.look(purge=spec.purge)
    on_progress(Progress(notes=tuple(conditions.notes)))
    run = await _Run(spec, connections.gateway, events, on_progress).run()
    await conditions.look_again(len(run.calls), events.lab_events, (run.started_ns, run.finished_ns))
    return replace(run, notes=tuple(conditions.notes), faults=conditions.faults)


@dataclass
class _Run:
    """One run, made as a shell would; publishes the client's own events."""

    spec: RunSpec
    gateway: GatewayClient
    events: ReadableCalls
    on_progress: OnProgress
    ids: list[str] = field(default_factory=list)
    pending: set[str] = field(default_factory=set)
    failed: int = 0

    async def run(self) -> Measurement:
        spec = self.spec
        deadline = time.monotonic() + spec.timeout
        started = time.time_ns()
        for number in range(spec.calls):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise LabTimeoutError(
                    f"the run took longer than {spec.timeout:g} s",
                    expected=f"{spec.calls} calls of {spec.function}",
                    seen=f"{number} answered",
                    next_step=self._next_step(),
                )
            body = spec.body
            if spec.traffic is not None:
                body = spec.traffic.body(number)
                await self._until(started + round(spec.traffic.arrivals[number] * 1e9))
            await self._call(body, remaining)
            self._report_progress(self.events.log)
        if spec.mode == "async" and spec.wait:
            await self._wait_until_settled(max(deadline - time.monotonic(), 0.1))
        finished = time.time_ns()
        if spec.mode == "sync":
            await self._wait_for_events()
        log = self.events.log
        calls = tuple(
            log.get(id_, spec.function) or Call(id_, function=spec.function, mode=spec.mode)
            for id_ in self.ids
        )
        return Measurement(spec.function, spec.mode, calls, started, finished)

    async def _until(self, time_ns: int) -> None:
        """Wait for an arrival, with the progress of the calls before it."""
        while (left := (time_ns - time.time_ns()) / 1e9) > 0:
            self._report_progress(self.events.log)
            await asyncio.sleep(min(left, _PROGRESS_SECONDS))

    async def _call(self, body: Body, timeout: float) -> None:
        spec = self.spec
        call_id = str(uuid.uuid4())
        request = FunctionRequest(spec.function, body, headers={CALL_ID: call_id}, timeout=timeout)
        await self._publish(EventType.CLIENT_SENT, call_id, mode=spec.mode, bytes=len(body))
        try:
            invoke = self.gateway.invoke if spec.mode == "sync" else self.gateway.invoke_async
            response = await invoke(request)
        except Exception as error:
            await self._publish(EventType.CLIENT_ANSWERED, call_id, error=str(error))
            raise
        size = len(response.body)
        await self._publish(EventType.CLIENT_ANSWERED, call_id, status=response.status, bytes=size)
        self.ids.append(call_id)
        self.failed += not response.ok
        if spec.mode == "async":
            self.pending.add(call_id)

    async def _publish(self, type_: EventType, call_id: str, **data: Any) -> None:
        function, instance = self.spec.function, f"client-{os.getpid()}"
        row: Row = [time.time_ns(), type_, call_id, function, 1, data]
        # Applied here at once; that it also comes back from the stream changes
        # nothing.
        self.events.log.apply(Event(row[0], type_, call_id, function, 1, "client", instance, data))
        await self.events.publish([row], instance)

    def _report_progress(self, log: CallLog) -> bool | None:
        """Report how many calls are over; return True if all are."""
        settled = {
            id_ for id_ in self.pending if (call := log.get(id_, self.spec.function)) and call.is_settled
        }
        self.pending -= settled
        self.failed += sum(call.state in _FAILED for id_ in settled if (call := log.get(id_)))
        over = len(self.ids) - len(self.pending)
        self.on_progress(Progress(len(self.ids), over, self.failed, self._queue()))
        return None if self.pending else True

    async def _wait_until_settled(self, timeout: float) -> None:
        expected = f"{len(self.ids)} calls of {self.spec.function} completed"
        try:
            await self.events.until(self._report_progress, timeout, expected=expected)
        except LabTimeoutError as error:
            error.seen = f"{len(self.ids) - len(self.pending)} completed, {len(self.pending)} pending"
            error.next_step = "; ".join(filter(None, (self._next_step(), self.events.hint)))
            raise

    def _next_step(self) -> str:
        """Tell what to do about a run that took too long."""
        if not self.pending:
            return "wait longer: timeout=…"
        text = "wait longer: timeout=…; the pending calls stay queued"
        return text if self.events.hint else f"{text}; {how_to_cancel(self._queue())}"

    def _queue(self) -> str:
        """Return the queue that the newest call is in, or ""."""
        newest = self.events.log.get(self.ids[-1]) if self.ids else None
        return newest.queue if newest is not None else ""

    async def _wait_for_events(self) -> None:
        """Wait, but not long, for the last events of answered calls."""
        try:
            await self.events.until(
                lambda log: (
                    all((call := log.get(id_, self.spec.function)) and call.replied for id_ in self.ids)
                    or None
                ),
                _EVENTS_SECONDS,
                expected="the run's events",
            )
        except LabTimeoutError:
            return  # the client's own events are there


# -- the progress bar


def measure_with_bar(connections: Connections, spec: RunSpec, *, show: bool) -> Measurement:
    """Make a run while this thread draws a progress bar.

    With ``LABKIT_CI=1`` there is no bar: printed text is the same each time.

    Not the background thread: Jupyter shows its output in the newest cell.
    """
    steps: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    words = words_in_use()
    bar = _bar(spec, words) if show and os.environ.get("LABKIT_CI") != "1" else None
    newest = Progress()

    def draw() -> None:
        nonlocal newest
        while not steps.empty():
            newest = steps.get()
            if bar is not None:
                for note in newest.notes:
                    bar.clear()
                    _Shown(sys.stdout).write(f"{translated('Note: ')}{note}{translated('.')}\n")
                shown = words.text("run.answered", n=newest.answered)
                if newest.failed:
                    # A full bar is green in a notebook, whatever became of the
                    # calls.
                    bar.colour = "red"
                    shown = words.joined(shown, words.text("run.failed", n=newest.failed))
                bar.set_postfix_str(shown, refresh=False)
                bar.update(newest.over - bar.n)

    timeout = spec.timeout + _EVENTS_SECONDS + GRACE_SECONDS
    can_cancel = connections.can_cancel
    with short_interrupt(lambda: interrupted(spec, newest, can_cancel=can_cancel)):
        try:
            run = connections.watch.guard(measure(connections, spec, steps.put))
            return background_loop().run(run, timeout, meanwhile=draw)
        finally:
            draw()
            if bar is not None:
                bar.close()


def interrupted(spec: RunSpec, progress: Progress, *, can_cancel: bool = True) -> str:
    """Tell how far an interrupted run was, and what is left of it."""
    if spec.mode == "sync":
        return f"stopped after {progress.answered} of {spec.calls} synchronous calls of {spec.function}"
    text = f"stopped; {progress.answered} of {spec.calls} asynchronous calls of {spec.function} were accepted"
    left = progress.answered - progress.over
    if not left:
        return text
    text = f"{text}, {left} of them are not over and stay queued"
    return f"{text}; {how_to_cancel(progress.queue)}" if can_cancel else text


def _bar(spec: RunSpec, words: ViewWords) -> Any:
    from tqdm import tqdm

    description = words.text(f"run.title.{spec.mode}", n=spec.calls, function=spec.function)
    # As text: a saved notebook, and one whose kernel was restarted, can't show
    # a widget. A kernel's standard error is shown in red.
    file = _Shown(sys.stdout if in_kernel() else sys.stderr)
    return tqdm(total=spec.calls, desc=description, unit=words.text("run.unit"), leave=True, file=file)


class _Shown:
    """A stream that may be closed, full or missing: a run goes on unseen."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write text, if possible."""
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream, if possible."""
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
