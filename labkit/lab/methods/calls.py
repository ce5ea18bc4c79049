"""Calls of functions: make, find, measure and record them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.clients.gateway import CALL_SECONDS, Body, FunctionRequest, FunctionResponse
from labkit.clients.lab_watch import guarded
from labkit.lab.arguments import checked
from labkit.lab.background_loop import blocking
from labkit.lab.bin import AsyncBin, Bin
from labkit.lab.call import AsyncCallHandle, CallHandle
from labkit.lab.measure import RUN_SECONDS, OnProgress, RunSpec, measure, measure_with_bar
from labkit.lab.methods.parts import LabParts
from labkit.lab.recording import AsyncRecording, Recording
from labkit.views.measurement import Measurement
from labkit.views.traffic import Traffic
from labkit.views.words import words_in_use
from labkit_services.call_record.log import Call, Mode
from labkit_services.contract.headers import CALLBACK_URL
from labkit_services.contract.names import short_function_name
from labkit_services.runtime.garbage_collector import collector_paused

if TYPE_CHECKING:
    from labkit.views.plots import Picture


class AsyncLabCalls(LabParts):
    """``LabCalls``, as coroutines."""

    @guarded
    async def invoke(
        self,
        name: str,
        body: Body = b"",
        *,
        method: str = "POST",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> FunctionResponse:
        """Call a function and return its response, whatever its status.

        Raises:
            GatewayError: There was no response within ``timeout`` seconds.
            LabGoneError: The lab is not running any more.
        """
        self.connections.follow_events()
        request = FunctionRequest(name, body, method, path, query, headers, timeout)
        return await self.connections.gateway.invoke(request)

    @guarded
    async def invoke_async(
        self,
        name: str,
        body: Body = b"",
        *,
        callback: str | AsyncBin | Bin | None = "",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> AsyncCallHandle:
        """Call a function asynchronously; return once the call is queued.

        Args:
            name: The function; it need not exist yet.
            body: What it gets on stdin.
            callback: Where the result is posted: a URL or a bin. Without it,
                what ``deploy_handler`` was given for the function; with None,
                nowhere.
            path: Appended to the function's URL.
            query: The query string, without ``?``.
            headers: More request headers.
            timeout: Seconds to the 202.

        Raises:
            GatewayError: The call was not accepted.
            LabGoneError: The lab is not running any more.
        """
        self.connections.follow_events()
        names = {header.lower() for header in headers or ()}
        if callback == "" and self._handlers is not None and CALLBACK_URL.lower() not in names:
            callback = self._handlers.callbacks.get(short_function_name(name), "")
        if callback:
            headers = {**(headers or {}), CALLBACK_URL: str(callback)}
        request = FunctionRequest(name, body, "POST", path, query, headers, timeout)
        response = await self.connections.gateway.invoke_async(request)
        return self._handle(response.call_id, name, response.seconds)

    def call(self, call_id: str, function: str = "") -> AsyncCallHandle:
        """Return an asynchronous call of any client by its id.

        Calls of several functions may share an id; ``function`` chooses one,
        otherwise it is the first.
        """
        return self._handle(call_id, function)

    def _handle(self, call_id: str, function: str, seconds: float = 0.0) -> AsyncCallHandle:
        return AsyncCallHandle(self.connections, call_id, function, seconds)

    @guarded
    async def calls(self) -> list[Call]:
        """Return all clients' calls in the event log, oldest first."""
        events = await self.connections.call_events()
        with collector_paused():
            await events.catch_up()
            return events.log.calls

    @guarded
    async def measure(
        self,
        function: str,
        *,
        calls: int = 10,
        mode: Mode = "sync",
        body: Body = b"",
        wait: bool = True,
        purge: bool = False,
        traffic: Traffic | None = None,
        timeout: float = RUN_SECONDS,
        on_progress: OnProgress = lambda _: None,
    ) -> Measurement:
        """Make a run of calls, as ``Lab.measure``."""
        count = calls if traffic is None else len(traffic)
        spec = RunSpec(function, count, mode, body, wait, timeout, purge, traffic)
        return await measure(self.connections, spec, on_progress)

    @guarded
    async def record(
        self, path: str | os.PathLike[str] = "run.jsonl", *, history: bool = False
    ) -> AsyncRecording:
        """Write what happens from now on to a file, until ``stop``.

        ``labkit open FILE`` shows it without a lab. The file has the events of
        all calls and summaries of the captured requests; no headers, no
        bodies.

        Args:
            path: The file; one that exists is replaced.
            history: Also write what has happened since the lab's start, as
                far as the event log has it.
        """
        recording = AsyncRecording(self.connections, self.state, path)
        await recording.start(history=history)
        return recording


class LabCalls:
    """Calls of functions: make, find, measure and record them."""

    _async: AsyncLabCalls

    invoke = blocking(AsyncLabCalls.invoke)
    invoke_async = blocking(AsyncLabCalls.invoke_async, CallHandle)
    call = blocking(AsyncLabCalls.call, CallHandle)
    calls = blocking(AsyncLabCalls.calls)
    record = blocking(AsyncLabCalls.record, Recording)

    @checked
    def measure(
        self,
        function: str,
        *,
        calls: int = 10,
        mode: Mode = "sync",
        body: Body = b"",
        wait: bool = True,
        purge: bool = False,
        traffic: Traffic | None = None,
        timeout: float = RUN_SECONDS,
        progress: bool = True,
    ) -> Measurement:
        """Make calls one after the other; return the times of every hop.

        Args:
            function: The function's name.
            calls: How many.
            mode: ``sync`` waits for each response; ``async`` for each 202.
            body: What each call sends.
            wait: In ``async`` mode, whether to wait until all calls have
                ended.
            purge: Whether to cancel the calls that are in the function's
                queue first. Without it they are in the times: the result has
                a note.
            traffic: When each call arrives and what it sends, of
                ``lab.traffic``; then ``calls`` and ``body`` do not count.
            timeout: Seconds for the whole run.
            progress: Whether to draw a progress bar.

        Raises:
            LabTimeoutError: It took longer; names completed and pending calls.
        """
        count = calls if traffic is None else len(traffic)
        spec = RunSpec(function, count, mode, body, wait, timeout, purge, traffic)
        return measure_with_bar(self._async.connections, spec, show=progress)

    @checked
    def plot(self, *runs: Measurement) -> Picture:
        """Draw a timeline for each run, on one time axis.

        Your predictions about a run are in it, as vertical lines, and
        injected faults as bands. Texts are in ``language``; without a
        font for it, those in the picture are English.
        """
        from labkit.teaching.desk import notebook_number
        from labkit.teaching.predictions import lines_of
        from labkit.teaching.progress_file import ProgressFile
        from labkit.views.plots import plot_timelines

        predicted = lines_of(ProgressFile(self._async.workspace), notebook_number())
        return plot_timelines(*runs, predicted=predicted, words=words_in_use())

    @checked
    def plot_queue(self, run: Measurement, *, average: float | None = None) -> Picture:
        """Draw how many calls were queued and in flight during a run.

        ``average`` is drawn as a line: the queue's depth by Little's law.
        """
        from labkit.views.plots import plot_queue_depth

        return plot_queue_depth(run, average, words_in_use())
