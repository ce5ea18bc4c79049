"""The lab as a whole: start, ready, stop, reset."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from labkit.errors import LabGoneError, error_to_json
from labkit.supervisor.children import Children
from labkit.supervisor.commands import Commands
from labkit.supervisor.control import Control
from labkit.supervisor.events import Record
from labkit.supervisor.faults import Faults
from labkit.supervisor.files import prepare_folder, remove, run_folder, unusable
from labkit.supervisor.fork_server import ForkServer
from labkit.supervisor.fork_server_guard import ForkUnit
from labkit.supervisor.launcher_pipe import as_lab_error, log_to, tell, watch_lifeline
from labkit.supervisor.logfile import LogFile
from labkit.supervisor.managed_services import Units
from labkit.supervisor.service_specs import Plan
from labkit.supervisor.settings import Settings
from labkit.supervisor.timeline import Timeline
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError

_LOCK_SECONDS = 0.1
"""Looking whether a lab runs takes the lock for an instant; that is not a lab."""
_LOG_CHECK_SECONDS = 5.0


class Supervisor:
    """Owns everything that belongs to one lab."""

    def __init__(self, settings: Settings, started_ns: int, fork_server: ForkServer | None = None) -> None:
        self.settings = settings
        self.workspace = Workspace(Path(settings.workspace))
        self.run_id = os.urandom(8).hex()
        self.started_ns = settings.launched_ns or started_ns
        self.timeline = Timeline(self.started_ns)
        self.timeline.add("python starts", self.started_ns, started_ns)
        self.timeline.add("imports", started_ns)
        self.plan = Plan(settings, self.workspace, fork_server)
        self.record = Record()
        self.units: Units
        self.faults = Faults(self)
        self.control = Control(self.plan.control_token, Commands(self).by_name())
        self.stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._fork_server = fork_server
        self._fork_unit: ForkUnit | None = None
        self._children: Children
        self._turn = asyncio.Lock()
        self._change: asyncio.Task[Any] | None = None

    async def run(self) -> int:
        """Live the lab's whole life; return the exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopping.set)
        if self.settings.lifeline:
            watch_lifeline(loop, self.stopping.set)
        self._children = Children(loop, self._fork_server)
        self.units = Units(self.plan, self._children, self.record, self.workspace, self.timeline)
        if self._fork_server:
            self._fork_unit = ForkUnit(self._fork_server, self._children)
        try:
            return await self._run(loop)
        finally:
            await self._end_fork_server()

    async def _run(self, loop: asyncio.AbstractEventLoop) -> int:
        with ExitStack() as stack:
            try:
                prepare_folder(self.workspace)
                if not await self._take_lock(stack):
                    tell({"running": str(self.workspace.root)})
                    return 0
            except Exception as error:
                # Not ours: whatever is in the folder is left alone.
                tell({"error": error_to_json(as_lab_error(error))})
                return 1
            log_to(self.workspace)
            had_store = self.workspace.jetstream.exists()
            try:
                await self._start_or_stop()
            except Exception as error:
                failure = as_lab_error(error)
                logging.error("start failed: %s", str(failure).replace("\n", " |"))
                await self._tear_down()
                if not had_store:
                    remove(self.workspace.jetstream)
                tell({"error": error_to_json(failure)})
                return 1
            bounding = loop.create_task(self._bound_logs())
            await self.stopping.wait()
            bounding.cancel()
            await self._tear_down()
        return 0

    async def _take_lock(self, stack: ExitStack) -> bool:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            attempt = ExitStack()
            if attempt.enter_context(self.workspace.lock()):
                stack.push(attempt)
                return True
            attempt.close()
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)

    # -- start

    async def _start_or_stop(self) -> None:
        """Start everything, unless told to stop before that is done."""
        loop = asyncio.get_running_loop()
        starting = loop.create_task(self._start(loop.time() + self.settings.timeout))
        told_to_stop = loop.create_task(self.stopping.wait())
        await asyncio.wait({starting, told_to_stop}, return_when=asyncio.FIRST_COMPLETED)
        told_to_stop.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return
        starting.result()

    async def _start(self, deadline: float) -> None:
        try:
            with self.timeline.span("folders, secrets, control channel"):
                remove(run_folder(self.workspace))
                self.workspace.state_file.unlink(missing_ok=True)
                self.plan.write_secrets()
                address = await self.control.start()
            await self._start_services(deadline)
            state = self.plan.state(run_id=self.run_id, control=address, started_ns=self.started_ns)
            self.plan.write_login()
            self.workspace.write_state(state)
        except OSError as error:
            if isinstance(error, LabError):
                raise
            raise unusable(self.workspace, error) from error
        if self._fork_unit:
            self._fork_unit.note_start(self.timeline)
        self.timeline.add("ready", time.time_ns())
        logging.info("ready gateway=%s inspector=%s", state.gateway_url, state.inspector_url)
        tell({"ready": state._asdict()})

    async def _start_services(self, deadline: float) -> None:
        await self.units.start_all(deadline)
        # Gateway and worker have made the stream by now.
        self.record.publish_to(self.plan.nats_url, self.plan.nats_token)

    # -- stop

    async def _tear_down(self) -> None:
        """End everything; nothing of the lab but its logs and its store is left."""
        logging.info("stopping")
        change = self._change
        if change is not None and not change.done():
            change.cancel()
            await asyncio.wait([change])
        await self.faults.close()
        self.workspace.state_file.unlink(missing_ok=True)
        # First: it has nothing to start any more, and what it forked is ours to wait for, then.
        await self._end_fork_server()
        await self._stop_services()
        if found := await self._children.sweep():
            logging.warning("killed what was left below the services: %s", found)
        with suppress(OSError):
            remove(run_folder(self.workspace))
        self._stopped.set()
        await self.control.stop()
        logging.info("stopped")

    async def _end_fork_server(self) -> None:
        if self._fork_unit:
            await self._fork_unit.stop()

    async def _stop_services(self) -> None:
        await self.record.pause()
        await self.units.stop_all()

    async def _bound_logs(self) -> None:
        logs = [LogFile(path) for path in (self.workspace.logs / "supervisor.log",)]
        while True:
            await asyncio.sleep(_LOG_CHECK_SECONDS)
            for log in [*logs, *(unit.log for unit in self.units)]:
                try:
                    log.bound()
                except OSError as error:
                    logging.warning("a log could not be bounded: %s", error)

    # -- changes while it runs

    async def exclusively(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do what changes the lab: one thing at a time, cut off when the lab is to end."""
        async with self._turn:
            if self.stopping.is_set():
                raise LabGoneError("The lab is being stopped.")
            self._change = asyncio.get_running_loop().create_task(work())
            await asyncio.wait([self._change])
            if self._change.cancelled():
                raise LabGoneError("The lab is being stopped.")
            return self._change.result()

    async def stop(self) -> None:
        """End the lab; return when everything but the answer to who asked for it is done."""
        self.stopping.set()
        await self._stopped.wait()

    async def reset(self) -> None:
        """Start over with an empty store, on the same ports."""
        await self.faults.close()
        await self._stop_services()
        try:
            remove(self.workspace.jetstream)
            for unit in self.units:
                unit.log.clear()
            await self._start_services(asyncio.get_running_loop().time() + self.settings.timeout)
        except (LabError, OSError) as error:
            # Half a lab is of no use to anyone.
            self.stopping.set()
            if isinstance(error, LabError):
                raise
            raise unusable(self.workspace, error) from error
