"""``AsyncLab``: a lab, as coroutines.

Its connections belong to the event loop that uses them first: in a notebook
the background loop, in the command line the loop of the command.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.clients.caller import describe_caller
from labkit.clients.connections import Connections, import_clients, log_failed_task
from labkit.clients.gateway import CALL_SECONDS, Body, FunctionRequest, FunctionResponse
from labkit.clients.lab_watch import LabWatch, guarded
from labkit.clients.supervisor import CHANGE_SECONDS, SupervisorClient
from labkit.errors import LabGoneError, LabRunningError, NoLabError
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.lab.background_loop import DualContextManager, LoopBound
from labkit.lab.bin import AsyncBin, Bin
from labkit.lab.call import AsyncCallHandle
from labkit.lab.faults import FaultTarget, check_fault, during
from labkit.lab.measure import RUN_SECONDS, OnProgress, RunSpec, measure
from labkit.lab.queue import AsyncQueue
from labkit.lab.recording import AsyncRecording
from labkit.lifecycle import environment
from labkit.lifecycle.jupyter_server import proxied_address, server_lifeline
from labkit.lifecycle.launch import LaunchedLab, Lifeline, launch
from labkit.lifecycle.log_files import log_path
from labkit.lifecycle.running_lab import find_lab, require_state, stop_lab
from labkit.live.feed import LabFeed
from labkit.live.log_source import last_merged_lines
from labkit.live.sources import LabLink
from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER, full_name, is_service
from labkit.supervisor.files import workspace_errors
from labkit.supervisor.settings import Settings
from labkit.views.faults import FaultKind, FaultList
from labkit.views.flow import CallFlow
from labkit.views.log_lines import LogLines
from labkit.views.measurement import Measurement
from labkit.views.queue_status import QueueFigures
from labkit.views.status import LabStatus
from labkit.views.timeline.picture import CallTimeline
from labkit.workspace import LabState, Workspace
from labkit_services.call_record.fault_spans import fault_spans
from labkit_services.call_record.log import Call, Mode
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.headers import CALLBACK_URL
from labkit_services.contract.names import DEFAULT_QUEUE, short_function_name
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log_tail import tail as last_log_lines

if TYPE_CHECKING:
    from labkit.handlers.lab_handlers import LabHandlers

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.2
_LOG_LINES = 5

_labs: dict[Path, AsyncLab] = {}
"""This process's labs. They keep the lifelines: a handle that a re-run cell
drops must not end its lab."""


class AsyncLab(LoopBound):
    """One run of a lab, from ready to stopped.

    Attributes:
        workspace: The folder that it belongs to.
        state: Its addresses and secrets.
        settings: How it was started, if this process did.
        connections: Clients of gateway, event log and inspector.
        supervisor: Client of its supervisor.
        feed: What happens in it, for live views.
        watch: Ends what waits when the lab is reset or ends.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: LabState,
        settings: Settings | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.workspace = workspace
        self.state = state
        self.settings = settings
        self.supervisor = SupervisorClient(state, partial(_lab_gone, workspace, state))
        self.watch = LabWatch(self.supervisor, log_failed_task)
        self.connections = Connections(state, self.watch)
        self._handlers: LabHandlers | None = None
        self._link = LabLink(state, workspace.logs, self.connections, self.supervisor)
        self.feed = LabFeed(self._link, log_failed_task)
        self._lifeline = lifeline
        self._closed = False

    def __repr__(self) -> str:
        return f"<Lab: gateway {self.state.gateway_url}, inspector {self.state.inspector_url}>"

    @property
    def is_owned(self) -> bool:
        """Whether this process started it; then it ends with this process."""
        return self._lifeline is not None and self._lifeline.is_held

    @property
    def nats_context(self) -> str:
        """Path of a context file for the ``nats`` command."""
        return self.state.nats_context

    # -- start and find

    @classmethod
    async def start(cls, settings: Settings, *, attach: bool = True) -> AsyncLab:
        """Attach to the workspace's running lab, or start one.

        A lab that it starts ends with this process; one that a kernel starts
        ends with Jupyter's server, if that has labkit's extension. If two
        processes do so at once, both get the same lab.

        Raises:
            LabRunningError: A lab is running, and ``attach`` is False.
            LabError: There was no ready lab within ``settings.timeout``
                seconds.
        """
        workspace = Workspace(Path(settings.workspace))
        with workspace_errors(workspace):
            workspace.is_locked()  # raises for a folder that is not this user's
        loop = asyncio.get_running_loop()
        deadline = loop.time() + settings.timeout
        while True:
            if lab := await cls.find(workspace):
                if not attach:
                    raise LabRunningError(
                        expected=f"no lab in {workspace.root}",
                        seen=f"{lab.state.gateway_url}, process {lab.state.pid}",
                        next_step="attach to it with Lab.start(), or end it with: labkit down",
                    )
                return lab
            if not workspace.is_locked():
                remaining = max(0.1, deadline - loop.time())
                imports = BackgroundTasks(log_failed_task)
                imports.start(import_clients(), name="import-clients")
                try:
                    launched = await _launch(replace(settings, timeout=remaining))
                finally:
                    await imports.cancel()
                if launched is not None:
                    lab = cls(workspace, launched.state, settings, launched.lifeline)
                    lab._enter()
                    return lab
            # Another process is starting or stopping the workspace's lab.
            if loop.time() > deadline:
                raise LabTimeoutError(
                    "The workspace's lab is neither ready nor stopped.",
                    expected=f"a lab to attach to, or none, within {settings.timeout:g} s",
                    seen=f"{workspace.lock_file} is locked by a process that does not answer",
                    log=last_log_lines(workspace.logs / "supervisor.log", _LOG_LINES),
                    next_step="end it with: labkit down",
                )
            await asyncio.sleep(_POLL_SECONDS)

    @classmethod
    async def attach(cls, workspace: Workspace) -> AsyncLab:
        """Attach to the workspace's running lab, or raise ``NoLabError``."""
        if lab := await cls.find(workspace):
            return lab
        require_state(workspace)
        raise NoLabError(
            expected=f"an answer from the lab in {workspace.root}",
            seen="none",
            next_step="end it with: labkit down",
        )

    @classmethod
    async def find(cls, workspace: Workspace) -> AsyncLab | None:
        """Return the workspace's lab if it answers."""
        state = await find_lab(workspace)
        if state is None:
            return None
        lab = _labs.get(workspace.root)
        if lab is None or lab.state.run_id != state.run_id:
            lab = cls(workspace, state)
            lab._enter()
        return lab

    def _enter(self) -> None:
        previous = _labs.get(self.workspace.root)
        if previous is not None and previous is not self and previous._lifeline is not None:
            previous._lifeline.cut()
        _labs[self.workspace.root] = self
        self.watch.start()
        environment.enter(self.state, self.workspace)

    # -- stop and reset

    async def stop(self, *, force: bool = False) -> str:
        """Stop the lab if this process started it, else detach; idempotent.

        Return what of it stays in an existing NATS, as a sentence, or "".

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        if self._closed:
            return ""
        self._closed = True
        self.supervisor.close()
        if _labs.get(self.workspace.root) is self:
            del _labs[self.workspace.root]
        environment.leave(self.workspace)
        if self._handlers is not None:
            await self._handlers.close()
        try:
            await self.connections.close()
        except Exception as error:
            # Whatever a client reports, the lab must stop. (nats-py may write
            # to a closed transport: in Python 3.13.0 a TypeError.)
            log_failed_task("close-connections", error)
        stays = ""
        if self.is_owned or force:
            stays = await stop_lab(self.workspace, self.state)
        if self._lifeline is not None and self._lifeline.is_held:
            self._lifeline.cut()
            await self._lifeline.wait_for_exit()
        return stays

    async def wait(self) -> None:
        """Wait until the lab ends."""
        while True:
            if self.workspace.lock_holder() != self.state.pid:
                return
            await asyncio.sleep(_WATCH_SECONDS)

    async def reset(self) -> AsyncLab:
        """Delete all functions, queued calls, events and bins; keep images.

        Return this lab, or a new one if this one was not running any more.
        """
        if self._handlers is not None:
            await self._handlers.close()
        try:
            await self.supervisor.reset()
        except LabGoneError:
            await self.stop()
            lab = await AsyncLab.start(self.settings or Settings(workspace=str(self.workspace.root)))
            # The queue outlives a lab.
            await lab.supervisor.reset()
            return lab
        await self.connections.drop_events()
        return self

    # -- services

    async def status(self) -> LabStatus:
        """Return the state of every service."""
        return LabStatus.from_json(await self.supervisor.status())

    async def restart(self, service: str) -> None:
        """Stop one service gracefully and start it again, on the same port."""
        await self.supervisor.begin_fault(FaultKind.RESTART, service)
        await self.supervisor.end_fault(FaultKind.RESTART, service, now=False)

    async def kill(self, service: str) -> None:
        """Kill one service (SIGKILL); the lab restarts it."""
        await self.supervisor.begin_fault(FaultKind.KILL, service)

    async def scale_workers(self, count: int) -> None:
        """Scale to ``count`` queue-workers (1 to 16).

        Each runs ``max_inflight`` calls at once. Workers being removed finish
        their running calls.
        """
        await self.supervisor.scale_workers(count)

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines of the log of a service or function."""
        if not is_service(name):
            return await self.connections.gateway.logs(name, tail=tail)
        return last_log_lines(log_path(self.workspace, name), tail)

    async def live_logs(self, *services: str, tail: int = 200) -> LogLines:
        """Return the last lines of several logs, merged by time.

        Args:
            services: Names of services and functions; none are all.
            tail: How many lines; 1 to 500.
        """
        names = [full_name(name) for name in services]
        return LogLines(tuple(await last_merged_lines(self._link, names, tail)))

    # -- functions and calls

    @guarded
    async def deploy(
        self,
        name: str,
        *,
        fprocess: str = "",
        image: str = "",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Deploy a function, or update it if it exists.

        Args:
            name: Lower-case letters, digits and dashes.
            fprocess: Command to run for every call, such as ``sleep 1``; split
                at blanks, no shell.
            image: An image that ``faas-cli build`` made, or a well-known one.
            env: Environment of the process.
            labels: OpenFaaS labels, such as ``com.openfaas.scale.max``.
            annotations: OpenFaaS annotations, such as ``com.openfaas.queue``.

        Raises:
            GatewayError: The gateway rejected it; gives the reason.
        """
        deployment = {
            "service": name,
            # Without an image, the command only needs a small system to run
            # on.
            "image": image or "functions/alpine:latest",
            "envProcess": fprocess,
            "envVars": dict(env or {}),
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        }
        await self.connections.gateway.deploy(deployment)

    async def deploy_flaky(
        self, name: str = "flaky", *, failures: int = 2, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Deploy a function that fails in its first attempts at a call.

        After ``failures`` attempts it echoes the call's body. It reads
        ``X-Attempt``, which the queue-worker sends; every synchronous call is
        a first attempt.

        Args:
            name: The function's name.
            failures: How many attempts fail. With as many as there are
                attempts, the call dies.
            annotations: OpenFaaS annotations, such as
                ``com.openfaas.retry.min_wait``.
        """
        await self.deploy(name, fprocess="flaky", env={"failures": str(failures)}, annotations=annotations)

    @guarded
    async def deploy_handler(
        self,
        name: str,
        source: str,
        *,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        callback: str | AsyncBin | Bin = "",
    ) -> HandlerDeployment:
        """Deploy a function from Python source, as ``Lab.deploy_handler``."""
        spec = HandlerSpec(name, source, env or {}, labels or {}, annotations or {}, secrets)
        return await self.handlers.deploy(spec, callback=str(callback))

    @property
    def handlers(self) -> LabHandlers:
        """This process's functions from Python source."""
        if self._handlers is None:
            from labkit.handlers.lab_handlers import LabHandlers  # few notebooks need it, and it takes 20 ms

            self._handlers = LabHandlers(self.workspace, self.state, self.connections.gateway)
        return self._handlers

    @guarded
    async def remove(self, name: str) -> bool:
        """Remove a function; return whether it existed."""
        if self._handlers is not None:
            await self._handlers.forget(name)
        return await self.connections.gateway.remove(name)

    @guarded
    async def scale(self, name: str, replicas: int) -> None:
        """Scale a function to ``replicas`` processes, from 0 to 20."""
        await self.connections.gateway.scale(name, replicas)

    @guarded
    async def functions(self) -> list[dict[str, Any]]:
        """Return every function's status, as OpenFaaS describes it."""
        return await self.connections.gateway.functions()

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
        return AsyncCallHandle(self.connections, response.call_id, name, response.seconds)

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
        timeout: float = RUN_SECONDS,
        on_progress: OnProgress = lambda _: None,
    ) -> Measurement:
        """Make a run of calls, as ``Lab.measure``."""
        spec = RunSpec(function, calls, mode, body, wait, timeout, purge)
        return await measure(self.connections, spec, on_progress)

    def call(self, call_id: str, function: str = "") -> AsyncCallHandle:
        """Return an asynchronous call of any client by its id.

        Calls of several functions may share an id; ``function`` chooses one,
        otherwise it is the first.
        """
        return AsyncCallHandle(self.connections, call_id, function)

    @guarded
    async def calls(self) -> list[Call]:
        """Return all clients' calls in the event log, oldest first."""
        events = await self.connections.call_events()
        await events.catch_up()
        return events.log.calls

    @guarded
    async def timeline(self, function: str = "", *, last: int = 50) -> CallTimeline:
        """Return the timeline of the latest calls, of one function or of all.

        It shows itself as a picture in a notebook, and as text elsewhere.
        """
        events = await self.connections.call_events()
        await events.catch_up()
        name = short_function_name(function)
        calls = [call for call in events.log.calls if name in ("", call.function)]
        faults = fault_spans(events.lab_events)
        return CallTimeline(tuple(calls), tuple(faults), time.time_ns(), most=last)

    @guarded
    async def flow(self, function: str = "") -> CallFlow:
        """Return how many calls are where, of one function or of all.

        It shows itself as a picture in a notebook, and as text elsewhere.
        """
        events = await self.connections.call_events()
        await events.catch_up()
        name = short_function_name(function)
        calls = [call for call in events.log.calls if name in ("", call.function)]
        return CallFlow.of(calls, fault_spans(events.lab_events))

    @guarded
    async def gauge(self, queue: str = "") -> QueueFigures:
        """Return the figures of one queue, or of all, as a table."""
        statuses = await self.connections.gateway.queues()
        return QueueFigures(status for status in statuses if queue in ("", status.name))

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

    @guarded
    async def bin(self, name: str) -> AsyncBin:
        """Return a request bin, to send callbacks to; create it if needed."""
        await self.connections.inspector.create(name)
        return AsyncBin(name, self.connections, proxied_address(self.workspace))

    # -- queues

    def queue(self, name: str = DEFAULT_QUEUE) -> AsyncQueue:
        """Return a queue by its name."""
        return AsyncQueue(name, self.connections, self.supervisor)

    @guarded
    async def queues(self) -> list[AsyncQueue]:
        """Return all queues, ordered by name."""
        return [self.queue(status.name) for status in await self.connections.gateway.queues()]

    async def set_max_inflight(self, count: int) -> int:
        """Change how many calls a queue-worker runs at once; return it.

        This is the default queue's; others have their own:
        ``lab.queue(name).max_inflight``.
        """
        return await self.queue().set_max_inflight(count)

    # -- faults

    def service(self, name: str) -> FaultTarget:
        """Return a service by its name, such as ``queue-worker-2``.

        Raises:
            InvalidValueError: There is no such service.
        """
        return FaultTarget(name, self.supervisor)

    @property
    def nats(self) -> FaultTarget:
        """The nats-server: ``with lab.nats.stopped():``."""
        return self.service(NATS_SERVER)

    @property
    def gateway(self) -> FaultTarget:
        """The gateway: ``with lab.gateway.stopped():``."""
        return self.service(GATEWAY)

    @property
    def worker(self) -> FaultTarget:
        """The first queue-worker: ``with lab.worker.paused():``."""
        return self.service(QUEUE_WORKER)

    @property
    def inspector(self) -> FaultTarget:
        """The inspector: ``with lab.inspector.stopped():``."""
        return self.service(INSPECTOR)

    def slow_network(self, delay: float = 0.2, *, bandwidth: float = 0.0) -> DualContextManager:
        """Slow the network between workers and gateway for a ``with`` block.

        The workers are restarted at its beginning and at its end; running
        calls finish.

        Args:
            delay: Seconds of delay, each way.
            bandwidth: Bytes per second, each way, of one connection; 0 is
                unlimited.
        """
        fault = during(self.supervisor, FaultKind.SLOW, QUEUE_WORKER, delay=delay, bandwidth=bandwidth)
        return DualContextManager(fault)

    @guarded
    async def fault(
        self,
        service: str,
        kind: str,
        *,
        after: float = 0.0,
        seconds: float = 1.0,
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Inject one fault, as ``Lab.fault``; return when it is over.

        ``on_begun`` is called on the lab's event loop as soon as the fault is
        active.
        """
        check_fault(service, kind, after, seconds)
        await asyncio.sleep(after)
        fault = FaultKind(kind)
        await self.supervisor.begin_fault(fault, service, seconds=seconds)
        on_begun()
        await self.supervisor.end_fault(fault, service, now=False, timeout=seconds + CHANGE_SECONDS)

    @guarded
    async def faults(self) -> FaultList:
        """Return all processes' injected faults, oldest first.

        All since this process first read the event log, and those of the ten
        minutes before.
        """
        events = await self.connections.call_events()
        await events.catch_up()
        return FaultList(fault_spans(events.lab_events))


async def _launch(settings: Settings) -> LaunchedLab | None:
    """Start a lab that ends with this kernel's server, or this process."""
    with server_lifeline() as server:
        owner = describe_caller() if server is None else f"the Jupyter server (process {os.getppid()})"
        return await launch(replace(settings, owner=owner, launched_ns=time.time_ns()), server)


def _lab_gone(workspace: Workspace, state: LabState, seen: str = "") -> LabGoneError:
    if not seen:
        current = workspace.read_state()
        seen = (
            "its supervisor is not running any more"
            if current is None or current.run_id == state.run_id
            else f"another lab is now running in {workspace.root}"
        )
    started = time.strftime("%H:%M:%S", time.localtime(state.started_ns / 1e9))
    return LabGoneError(
        expected=f"the lab that was started at {started}, gateway {state.gateway_url}",
        seen=seen,
        log=last_log_lines(workspace.logs / "supervisor.log", _LOG_LINES),
        next_step="run the notebook's first cell again (lab = Lab.start()), or in a terminal: labkit up",
    )
