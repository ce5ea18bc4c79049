"""The life of a lab: start, ready, reset, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from labkit.service_names import NATS_SERVER
from labkit.supervisor.announcements import Announcements
from labkit.supervisor.child_processes import ChildProcesses
from labkit.supervisor.commands import Commands
from labkit.supervisor.control import ControlServer
from labkit.supervisor.exclusive_changes import ExclusiveChanges
from labkit.supervisor.faults import Faults
from labkit.supervisor.files import (
    LogFile,
    for_lack_of_room,
    log_to,
    prepare_folder,
    remove,
    run_folder,
    workspace_errors,
)
from labkit.supervisor.fork_server_guard import ForkServerGuard
from labkit.supervisor.fork_server_process import ForkServerProcess
from labkit.supervisor.launcher_pipe import send_start_error, send_to_launcher
from labkit.supervisor.lifecycle_events import LifecycleEvents, OwnEventStream
from labkit.supervisor.managed_services import ManagedServices
from labkit.supervisor.nats_watch import NatsWatch
from labkit.supervisor.service_specs import ServiceSpecs
from labkit.supervisor.settings import Settings
from labkit.supervisor.start_timeline import StartTimeline
from labkit.supervisor.store.disk import try_to_write
from labkit.supervisor.store_watch import StoreWatch
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.lifeline import watch_lifeline

_LOCK_SECONDS = 0.1
"""A process that only checks whether a lab is running holds the lock for an
instant."""
_LOCK_POLL_SECONDS = 0.01
_LOG_CHECK_SECONDS = 5.0


class Supervisor:
    """Owns everything that belongs to one lab."""

    def __init__(
        self, settings: Settings, started_ns: int, fork_server: ForkServerProcess | None = None
    ) -> None:
        """Create the parts of the lab; the event loop must be running."""
        loop = asyncio.get_running_loop()
        zero_ns = settings.launched_ns or started_ns
        self._settings = settings
        self._workspace = Workspace(Path(settings.workspace))
        self._run_id, self._started_ns = os.urandom(8).hex(), zero_ns
        self._timeline = StartTimeline(zero_ns)
        self._timeline.add("python starts", zero_ns, started_ns)
        self._timeline.add("imports", started_ns)
        self._announcements = Announcements()
        self._stays = ""
        self._stopping, self._stopped = asyncio.Event(), asyncio.Event()
        self._tasks = BackgroundTasks()
        self._processes = ChildProcesses(loop, fork_server)
        self._fork_guard = ForkServerGuard(fork_server, self._processes) if fork_server else None
        self._specs = ServiceSpecs(settings, self._workspace, fork_server.control if fork_server else None)
        self._events = LifecycleEvents()
        self._services = ManagedServices(self._specs, self._processes, self._events, self._timeline)
        self._changes = ExclusiveChanges(self._stopping)
        self._faults = Faults(self._specs, self._services, self._changes, self._events)
        commands = Commands(
            identity={"run_id": self._run_id, "started_ns": zero_ns},
            specs=self._specs,
            services=self._services,
            faults=self._faults,
            changes=self._changes,
            timeline=self._timeline,
            stop=self._stop,
            announcements=self._announcements,
            reset=self._run_reset,
        )
        self._control = ControlServer(self._specs.control_token, commands.by_name())

    async def run(self) -> int:
        """Run the lab from start to end; return the exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end, "its supervisor was sent SIGTERM")
        if self._settings.lifeline:
            watch_lifeline(loop, 0, lambda: self._end(f"{self._settings.owner} has ended, which started it"))
        try:
            return await self._run()
        finally:
            await self._stop_fork_server()

    async def _run(self) -> int:
        with ExitStack() as stack:
            try:
                prepare_folder(self._workspace)
                with workspace_errors(self._workspace):
                    if not await self._take_lock(stack):
                        send_to_launcher({"running": str(self._workspace.root)})
                        return 0
                    try_to_write(self._workspace.folder)
                    log_to(self._workspace.logs / "supervisor.log")
            except Exception as error:
                # The folder is not ours: leave its content alone.
                send_start_error(error)
                return 1
            had_store = self._workspace.jetstream.exists()
            try:
                await self._start_unless_stopped()
            except Exception as error:
                error = for_lack_of_room(error, self._workspace)
                if had_store and isinstance(error, LabError):
                    error.next_step += "; to empty a damaged lab: labkit reset --force"
                logging.error("start failed: %s", str(error).replace("\n", " |"))
                await self._tear_down()
                if not had_store:
                    remove(self._workspace.jetstream)
                remove(self._workspace.inspector)
                send_start_error(error)
                return 1
            self._tasks.start(self._bound_logs(), name="bound the log files")
            self._tasks.start(self._watch().run(), name="watch the store")
            await self._stopping.wait()
            await self._tear_down()
        return 0

    async def _take_lock(self, stack: ExitStack) -> bool:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not stack.enter_context(self._workspace.lock()):
            stack.close()
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        return True

    # -- start

    async def _start_unless_stopped(self) -> None:
        """Start everything; abandon that when the lab is stopped meanwhile."""
        loop = asyncio.get_running_loop()
        starting = loop.create_task(self._start(loop.time() + self._settings.timeout), name="start the lab")
        stopping = loop.create_task(self._stopping.wait(), name="wait for a stop")
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return
        starting.result()

    async def _start(self, deadline: float) -> None:
        with workspace_errors(self._workspace):
            begin_ns = time.time_ns()
            remove(run_folder(self._workspace))
            self._workspace.state_file.unlink(missing_ok=True)
            self._specs.write_secrets()
            self._specs.create_sockets_folder()
            address = await self._control.start()
            self._timeline.add("folders, secrets, control channel", begin_ns)
            await self._start_services(deadline)
            state = self._specs.state(run_id=self._run_id, control=address, started_ns=self._started_ns)
            self._specs.write_login()
            self._specs.write_nats_context()
            self._workspace.write_state(state)
        if self._fork_guard:
            self._fork_guard.add_start_to(self._timeline)
        self._timeline.add("ready", time.time_ns())
        logging.info("ready gateway=%s inspector=%s", state.gateway_url, state.inspector_url)
        send_to_launcher({"ready": state._asdict()})

    async def _start_services(self, deadline: float) -> None:
        nats = self._specs.external_nats
        if nats:
            await nats.start(self._run_id, self._specs.shared_worker_settings(), deadline)
        await self._services.start_all(deadline)
        # By now gateway and worker have created the event stream.
        own = OwnEventStream(self._specs.url_of[NATS_SERVER], self._specs.nats_token)
        self._events.publish_to(nats or own)

    def _watch(self) -> StoreWatch | NatsWatch:
        if self._specs.external_nats:
            return NatsWatch(self._specs, self._specs.external_nats)
        return StoreWatch(self._specs, self._services.named(NATS_SERVER))

    # -- stop

    async def _tear_down(self) -> None:
        """Stop everything; only the lab's logs and its store remain."""
        logging.info("stopping")
        await self._tasks.cancel()
        await self._changes.cancel()
        await self._faults.close()
        with suppress(OSError):
            self._workspace.state_file.unlink(missing_ok=True)
        # First: nothing is started any more, and the processes that it forked
        # become ours to wait for.
        await self._stop_fork_server()
        await self._stop_services()
        self._specs.ports.close()
        if found := await self._processes.sweep():
            logging.warning("killed processes that were left below the services: %s", found)
        with suppress(OSError):
            remove(run_folder(self._workspace))
        with suppress(OSError, UnsafePathError):
            self._specs.sockets.remove_folder()
        self._stopped.set()
        await self._control.stop()
        logging.info("stopped")

    async def _stop_fork_server(self) -> None:
        if self._fork_guard:
            await self._fork_guard.stop()

    async def _stop_services(self) -> None:
        await self._events.pause()
        await self._services.stop_all()
        if nats := self._specs.external_nats:
            self._stays = await nats.what_stays()
            logging.info("%s", self._stays)
            await nats.stop()

    async def _bound_logs(self) -> None:
        own = LogFile(self._workspace.logs / "supervisor.log")
        while True:
            await asyncio.sleep(_LOG_CHECK_SECONDS)
            for log in [own, *(service.log for service in self._services)]:
                try:
                    log.bound()
                except OSError as error:
                    logging.warning("a log could not be bounded: %s", error)

    # -- commands

    async def _stop(self) -> str:
        """Stop the lab; return when only the client's response is left.

        That response says what of the lab stays elsewhere, or "".
        """
        self._stopping.set()
        await self._stopped.wait()
        return self._stays

    def _end(self, how: str) -> None:
        self._announcements.announce_end(how)
        self._stopping.set()

    async def _run_reset(self, by: str, *, wait: bool) -> None:
        """Reset the lab after all earlier changes.

        Without ``wait`` it runs in the background, one at a time: the
        inspector asks so, which the reset stops and starts again.
        """
        if not wait and self._announcements.is_resetting:
            return
        reset = self._changes.run(lambda: self._reset(by))
        if wait:
            await reset
        else:
            self._tasks.start(reset, name="reset the lab")

    async def _empty_store(self) -> None:
        if self._specs.external_nats:
            await self._specs.external_nats.empty()
        else:
            remove(self._workspace.jetstream)

    async def _reset(self, by: str) -> None:
        """Start again with an empty store, on the same ports.

        ``max_inflight`` and the number of queue-workers are those of the
        lab's settings again, whatever was changed since.
        """
        self._announcements.announce_reset(by)
        await self._faults.close()
        await self._events.pause()
        await self._services.stop_all()
        await self._processes.sweep(strangers=True)  # functions' processes that left their group
        try:
            with workspace_errors(self._workspace):
                await self._empty_store()
                remove(self._workspace.inspector)
                self._specs.recovery.clear()
                for service in self._services:
                    service.log.clear()
                self._services.restore_workers()
                await self._start_services(asyncio.get_running_loop().time() + self._settings.timeout)
            self._announcements.note_reset_end(None)
        except LabError as error:
            self._announcements.note_reset_end(error.headline)
            # An incomplete lab is useless: end it.
            self._end("it could not be started again after a reset")
            raise
