"""``Lab``: a lab for notebooks and scripts; ``lab = Lab.start()``."""

from __future__ import annotations

import asyncio
import html
import os
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labkit.clients.caller import load_ipython_extension
from labkit.clients.gateway import Body
from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.errors import WorkspaceError
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.lab.arguments import checked
from labkit.lab.async_lab import AsyncLab
from labkit.lab.background_loop import GRACE_SECONDS, MANAGE_SECONDS, background_loop, blocking, proxy
from labkit.lab.bin import Bin
from labkit.lab.call import CallHandle
from labkit.lab.faults import FaultHandle, FaultTarget, check_fault
from labkit.lab.interrupts import short_interrupt
from labkit.lab.measure import RUN_SECONDS, RunSpec, measure_with_bar
from labkit.lab.queue import Queue, QueueList
from labkit.lab.recording import Recording
from labkit.live.control_list import ControlList
from labkit.live.display import live_card, live_flow, live_gauge, live_log_lines, live_panel, live_timeline
from labkit.live.parts import ViewParts, settings_of
from labkit.notebook_copies.copies import CopyChange, NotebookCopies
from labkit.service_names import full_name
from labkit.supervisor.settings import Settings, chosen_nats
from labkit.views.flow import CallFlow
from labkit.views.log_lines import LogLines
from labkit.views.measurement import Measurement
from labkit.views.queue_status import QueueFigures
from labkit.views.timeline.picture import CallTimeline
from labkit.workspace import Workspace
from labkit_services.call_record.log import Mode
from labkit_services.contract.names import short_function_name

if TYPE_CHECKING:
    from labkit.live.flow import FlowView
    from labkit.live.gauge import GaugeView
    from labkit.live.logs import LogsView
    from labkit.live.panel import PanelView
    from labkit.live.timeline import TimelineView
    from labkit.views.plots import Picture

_ATTACH_SECONDS = 10.0
_FOLDER_MARK = ".labkit-folder"
"""Marks a folder that ``lab.folder`` made, and so may empty."""


@dataclass(frozen=True)
class ResetReport:
    """How many ``seconds`` a ``lab.reset()`` took."""

    seconds: float

    def __repr__(self) -> str:
        return f"The lab was reset in {self.seconds:.1f} s: no functions, no calls, no events."


class FreshCopies(tuple[CopyChange, ...]):
    """What ``lab.fresh_copy()`` did, a sentence for each notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(change.sentence for change in self)


class LogText(str):
    """Lines of a log, shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Lab:
    """A small, real OpenFaaS on this machine.

    Every method waits until it is done, with a deadline; ``lab.aio`` has them
    as coroutines, except plots, ``folder`` and ``fresh_copy``. Jupyter's stop
    button ends the waiting, not the lab.
    """

    def __init__(self, async_lab: AsyncLab) -> None:
        self._async = async_lab

    @classmethod
    @checked
    def start(
        cls,
        workspace: str | PathLike[str] | None = None,
        *,
        max_inflight: int | None = None,
        workers: int = 1,
        max_retry_attempts: int = 3,
        initial_retry_wait: str = "1s",
        max_retry_wait: str = "10s",
        ack_wait: str = "",
        sync_interval: str = "",
        gateway_port: int = Settings.gateway_port,
        inspector_port: int = Settings.inspector_port,
        listen: str = Settings.listen,
        nats: str | None = None,
        nats_credentials: str | PathLike[str] | None = None,
        nats_replicas: int = Settings.nats_replicas,
        environment: Mapping[str, str] | None = None,
        attach: bool = True,
        timeout: float = 10.0,
    ) -> Self:
        """Attach to the workspace's running lab, or start one.

        A lab that it starts ends with this process; in JupyterLab it ends with
        the server, so that other notebooks keep it when this one's kernel is
        restarted. Calling it again returns the same lab. Of the settings, only
        ``max_inflight`` is applied to a running lab.

        Args:
            workspace: Its folder; by default the one that the current folder
                belongs to.
            max_inflight: Calls that a queue-worker runs at once; 1 by default.
            workers: Number of queue-workers.
            max_retry_attempts: Attempts at a call; functions' annotations win.
                OpenFaaS Pro's default is 10.
            initial_retry_wait: Before the second attempt; doubled each time.
                Pro's default is ``10s``.
            max_retry_wait: The longest of these waits. Pro's default is
                ``120s``.
            ack_wait: Time without a sign of the worker until a call is
                redelivered, such as ``30s``.
            sync_interval: With ``always``, the queue is written through to the
                disk before each 202.
            gateway_port: Used if free, else another; 0 means any.
            inspector_port: The same for the inspector.
            listen: IPv4 address of this machine where gateway and inspector
                listen, so that workers on other hosts reach them. Whoever
                reaches it can call the functions and fill bins; passwords are
                sent in the clear.
            nats: Addresses of an existing NATS with JetStream, such as
                ``tls://a:4222,tls://b:4222``; by default ``$LABKIT_NATS``.
                Without one the lab starts a nats-server.
            nats_credentials: Path of a file: a context of the ``nats`` command
                (JSON with ``user``, ``password``, ``token``, ``creds``,
                ``nkey``, ``ca``, ``cert``, ``key``), a ``.creds`` file, an
                NKey's seed, or a certificate to trust; by default
                ``$LABKIT_NATS_CREDENTIALS``.
            nats_replicas: Servers that hold each message there; 0 is 3 on a
                cluster, else 1.
            environment: More settings for the services, with OpenFaaS's names.
            attach: Whether to attach to a running lab; else that is an error.
            timeout: Seconds until the lab is ready.

        Raises:
            InvalidValueError: A setting is out of range.
            NatsAccessError: That NATS can't be used, or holds another lab.
            LabError: The lab could not be started; only its logs are left
                behind.
        """
        load_ipython_extension()
        settings = Settings(
            workspace=str(Workspace.find(workspace).root),
            max_inflight=1 if max_inflight is None else max_inflight,
            workers=workers,
            max_retry_attempts=max_retry_attempts,
            initial_retry_wait=initial_retry_wait,
            max_retry_wait=max_retry_wait,
            ack_wait=ack_wait,
            sync_interval=sync_interval,
            gateway_port=gateway_port,
            inspector_port=inspector_port,
            listen=listen,
            nats=chosen_nats(nats, nats_credentials),
            nats_replicas=nats_replicas,
            environment=dict(environment or {}),
            timeout=timeout,
        )

        async def start() -> tuple[AsyncLab, tuple[str, ...]]:
            lab = await AsyncLab.start(settings, attach=attach)
            status = await lab.status()
            if max_inflight is not None and status.max_inflight != max_inflight:
                await lab.set_max_inflight(max_inflight)
            return lab, status.damage

        lab, damage = background_loop().run(start(), timeout + CHANGE_SECONDS + GRACE_SECONDS)
        if settings.nats.url not in ("", lab.state.nats_url):
            text = f"the running lab uses another NATS: {lab.state.nats_url}; stop it first: labkit down"
            warnings.warn(text, stacklevel=2)
        for finding in damage:
            warnings.warn(f"damaged store: {finding}", stacklevel=2)
        # Jupyter's server names the running notebook.
        notebook = os.environ.get("JPY_SESSION_NAME", "")
        if notebook and (news := NotebookCopies(lab.workspace).news_of(Path(notebook))):
            warnings.warn(news, stacklevel=2)
        return cls(lab)

    @classmethod
    @checked
    def attach(cls, workspace: str | PathLike[str] | None = None) -> Self:
        """Attach to the workspace's running lab.

        Raises:
            NoLabError: No lab is running.
        """
        load_ipython_extension()
        return cls(background_loop().run(AsyncLab.attach(Workspace.find(workspace)), _ATTACH_SECONDS))

    @property
    def aio(self) -> AsyncLab:
        """The same methods as coroutines, for any event loop."""
        return proxy(self._async)

    @property
    def gateway_url(self) -> str:
        """Address of OpenFaaS's API."""
        return self._async.state.gateway_url

    @property
    def inspector_url(self) -> str:
        """Address of the inspector, which captures callbacks."""
        return self._async.state.inspector_url

    @property
    def nats_context(self) -> str:
        """Path of a context file for the ``nats`` command.

        It contains the login to the lab's NATS, for this user alone:
        ``nats --context PATH stream ls``.
        """
        return self._async.nats_context

    @property
    def workspace(self) -> Path:
        """The folder that the lab belongs to."""
        return self._async.workspace.root

    # -- the lab and its services

    @checked
    def stop(self, *, force: bool = False) -> None:
        """Stop the lab if it ends with this process, else detach; idempotent.

        On an existing NATS it prints what of the lab stays there.

        Args:
            force: Stop it in any case, as ``labkit down`` does.
        """
        stop = self._async.stop(force=force)
        if stays := background_loop().run(stop, MANAGE_SECONDS + GRACE_SECONDS, cancels=False):
            sys.stdout.write(f"{stays}\n")

    @checked
    def reset(self) -> ResetReport:
        """Delete all functions, queued calls, events and bins; keep images.

        A lab that is not running any more is started again.
        """
        begin = time.monotonic()
        timeout = 2 * CHANGE_SECONDS + GRACE_SECONDS
        self._async = background_loop().run(self._async.reset(), timeout, cancels=False)
        return ResetReport(time.monotonic() - begin)

    status = blocking(AsyncLab.status)
    restart = blocking(AsyncLab.restart)
    kill = blocking(AsyncLab.kill)
    scale_workers = blocking(AsyncLab.scale_workers)
    logs = blocking(AsyncLab.logs, lambda lines: LogText("\n".join(lines)))

    # -- functions and calls

    deploy = blocking(AsyncLab.deploy)
    deploy_flaky = blocking(AsyncLab.deploy_flaky)
    remove = blocking(AsyncLab.remove)
    scale = blocking(AsyncLab.scale)
    functions = blocking(AsyncLab.functions)
    invoke = blocking(AsyncLab.invoke)
    invoke_async = blocking(AsyncLab.invoke_async, CallHandle)
    call = blocking(AsyncLab.call, CallHandle)
    calls = blocking(AsyncLab.calls)
    record = blocking(AsyncLab.record, Recording)
    _call_timeline = blocking(AsyncLab.timeline)
    _call_flow = blocking(AsyncLab.flow)
    _queue_figures = blocking(AsyncLab.gauge)

    _async_bin = blocking(AsyncLab.bin)
    _last_log_lines = blocking(AsyncLab.live_logs)

    @checked
    def bin(self, name: str) -> Bin:
        """Return a request bin, to send callbacks to; create it if needed.

        In a notebook it shows what arrives, live.
        """
        return Bin(self._async_bin(name), self._view_parts("bin", bin=name))

    @checked
    def timeline(self, function: str = "", *, last: int = 50) -> CallTimeline | TimelineView:
        """Return the timeline of the latest calls, of one function or of all.

        In a notebook it is live: calls appear and grow while they run, also
        while a cell waits. Elsewhere it shows itself as text. ``svg``,
        ``text`` and ``save`` have it as it is now.

        Args:
            function: Only this function's calls.
            last: How many calls at most, from the beginning on.
        """
        still = self._call_timeline(function, last=last)
        return live_timeline(still, self._view_parts("timeline", function=function, last=last))

    @checked
    def flow(self, function: str = "") -> CallFlow | FlowView:
        """Return the way of the calls, of one function or of all.

        In a notebook it is live: each call is a dot that moves from the client
        to its callback as it happens, with what waits and why. Elsewhere it
        shows itself as text; ``svg``, ``text`` and ``save`` have it as it is
        now.
        """
        still = self._call_flow(function)
        return live_flow(still, self._view_parts("flow", function=short_function_name(function)))

    @checked
    def gauge(self, queue: str = "") -> QueueFigures | GaugeView:
        """Return the figures of one queue, or of all.

        In a notebook they are live: depth, in flight, dead letters, how many
        calls come and leave per second, and when it is empty at this pace.
        Elsewhere they are a table of the moment.
        """
        return live_gauge(self._queue_figures(queue), self._view_parts("gauge", queue=queue))

    @checked
    def panel(self) -> ControlList | PanelView:
        """Return the control panel: send calls, change limits, break things.

        Its controls work while a cell waits. Where no widget can be shown it
        is a list of them, each with the Python call that does the same.
        """
        return live_panel(self._view_parts("panel"))

    def live_logs(self, *services: str, tail: int = 200) -> LogLines | LogsView:
        """Return the logs of services and functions, merged by time.

        In a notebook they are live: lines appear as they are written, also
        while a cell waits, and while a service is down. Elsewhere it shows
        itself as the last lines.

        Args:
            services: Names of services and functions, such as
                ``queue-worker``; none are all.
            tail: How many lines it begins with; 1 to 500.
        """
        still = self._last_log_lines(*services, tail=tail)
        names = sorted(map(full_name, services))
        return live_log_lines(still, self._view_parts("logs", services=names, tail=tail))

    def _view_parts(self, kind: str, **options: Any) -> ViewParts:
        """Return what a live view is made of."""
        call_soon = background_loop().loop.call_soon_threadsafe
        feed = self._async.feed
        return ViewParts(feed, call_soon, settings_of(kind, self._async.state, **options))

    @checked
    def deploy_handler(
        self,
        name: str,
        source: str,
        *,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        callback: str | Bin = "",
        debug: bool = False,
    ) -> HandlerDeployment:
        """Deploy a function from Python source; in a cell, ``%%function``.

        The source defines ``handle(event, context)``, as in OpenFaaS's
        template ``python3-http``. It is written to ``my-functions/NAME`` of
        the workspace, beside a ``stack.yaml``, and built and deployed with
        ``faas-cli``. A function of that name is replaced.

        Args:
            name: Lower-case letters, digits and dashes.
            source: The code.
            env: Environment of its process.
            labels: OpenFaaS labels.
            annotations: OpenFaaS annotations.
            secrets: Names of secrets that it may read.
            callback: A bin or a URL: ``invoke_async`` of this process sends it
                as ``X-Callback-Url`` unless a call names another. OpenFaaS has
                no callback of a function: other clients send the header.
            debug: Run the handler in this process, for ``print`` and
                ``breakpoint()``: in the main thread while that waits for the
                lab, else in a thread of its own.

        Raises:
            HandlerSourceError: The code can't be used.
            HandlerBuildError: faas-cli failed.
            HandlerStartError: The function does not start.
        """
        from labkit.lab.handler_functions import debug_handler, deploy_function  # few notebooks need it

        spec = HandlerSpec(name, source, env or {}, labels or {}, annotations or {}, secrets)
        handler = debug_handler(spec, f"<{name}>", name) if debug else None
        return deploy_function(self._async, spec, callback=str(callback), handler=handler)

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
            timeout: Seconds for the whole run.
            progress: Whether to draw a progress bar.

        Raises:
            LabTimeoutError: It took longer; names completed and pending calls.
        """
        spec = RunSpec(function, calls, mode, body, wait, timeout, purge)
        return measure_with_bar(self._async.connections, spec, show=progress)

    @checked
    def plot(self, *runs: Measurement) -> Picture:
        """Draw a timeline for each run, on one time axis."""
        from labkit.views.plots import plot_timelines

        return plot_timelines(*runs)

    # -- queues

    queue = blocking(AsyncLab.queue, Queue)
    queues = blocking(AsyncLab.queues, lambda queues: QueueList(map(Queue, queues)))
    set_max_inflight = blocking(AsyncLab.set_max_inflight)

    @checked
    def plot_queue(self, run: Measurement) -> Picture:
        """Draw how many calls were queued and in flight during a run."""
        from labkit.views.plots import plot_queue_depth

        return plot_queue_depth(run)

    # -- faults

    faults = blocking(AsyncLab.faults)
    service = blocking(AsyncLab.service)
    slow_network = blocking(AsyncLab.slow_network)

    @property
    def nats(self) -> FaultTarget:
        """The nats-server: ``with lab.nats.stopped():``."""
        return self._async.nats

    @property
    def gateway(self) -> FaultTarget:
        """The gateway: ``with lab.gateway.stopped():``."""
        return self._async.gateway

    @property
    def worker(self) -> FaultTarget:
        """The first queue-worker: ``with lab.worker.paused():``."""
        return self._async.worker

    @property
    def inspector(self) -> FaultTarget:
        """The inspector: ``with lab.inspector.stopped():``."""
        return self._async.inspector

    @checked
    def fault(self, service: str, kind: str, *, after: float = 0.0, seconds: float = 1.0) -> FaultHandle:
        """Inject one fault while the notebook goes on.

        Args:
            service: ``nats``, ``gateway``, ``worker`` or ``inspector``, or a
                full name.
            kind: ``kill``, ``stop``, ``pause`` or ``restart``.
            after: Seconds until it begins; with 0 it is active when this
                returns.
            seconds: How long a ``stop`` or a ``pause`` lasts; the others end
                by themselves.

        Raises:
            InvalidValueError: There is no such service or fault, or a time is
                out of range.
        """
        check_fault(service, kind, after, seconds)
        begun = threading.Event()
        work = self._async.fault(service, kind, after=after, seconds=seconds, on_begun=begun.set)
        future = asyncio.run_coroutine_threadsafe(work, background_loop().loop)
        future.add_done_callback(lambda _: begun.set())
        if not after:
            with short_interrupt(lambda: f"{kind} of {service} begins all the same"):
                begun.wait(MANAGE_SECONDS)
        return FaultHandle(f"{kind} of {service}", future)

    # -- the notebook

    @checked
    def folder(self, name: str) -> Path:
        """Make an empty exercise folder here, and change into it.

        Run again, it empties the folder, and the exercise can be repeated. It
        never empties a folder that it did not make.
        """
        here = Path.cwd()
        target = here if here.name == name and (here / _FOLDER_MARK).exists() else here / name
        if target.exists() and not (target / _FOLDER_MARK).exists() and any(target.iterdir()):
            raise WorkspaceError(
                f"{target} is not an exercise folder",
                expected="no folder of that name, or one that lab.folder made",
                seen="a folder with other files in it",
                next_step="choose another name",
            )
        target.mkdir(exist_ok=True)
        for entry in target.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (target / _FOLDER_MARK).touch()
        os.chdir(target)
        return target

    @checked
    def fresh_copy(self, *names: str) -> FreshCopies:
        """Put fresh copies of notebooks into ``my-notebooks``.

        A copy with your work in it stays, under a new name with the time in
        it. Save the notebook first: only what is in its file can stay. Then,
        in JupyterLab: File, Reload Notebook from Disk.

        Args:
            names: Such as ``01`` or ``en/01-sync-vs-async``; no name means
                every notebook.

        Raises:
            InvalidValueError: There is no notebook of that name.
            WorkspaceError: The copies can't be written.
        """
        return FreshCopies(NotebookCopies(self._async.workspace).fresh(names))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        # Only what stays the same from run to run: notebooks are tested by
        # their output.
        return repr(self._async)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = self._view_parts("card", note=self._async.state.port_note)
        return live_card(repr(self), self._repr_html_(), parts)

    def _repr_html_(self) -> str:
        # Saved with the notebook, so without the token that opens the page.
        inspector = html.escape(self.inspector_url)
        note = self._async.state.port_note
        return (
            f"<p><b>The lab is ready.</b> gateway <code>{html.escape(self.gateway_url)}</code> · "
            f'inspector <a href="{inspector}/" target="_blank"><code>{inspector}</code></a> '
            "(to open its page for the first time: <code>!labkit status</code>)</p>"
            + (f"<p>Note: {html.escape(note)}.</p>" if note else "")
        )
