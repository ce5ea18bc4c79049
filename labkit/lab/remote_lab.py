"""``AsyncRemoteLab``: an OpenFaaS elsewhere, used like a lab."""

from __future__ import annotations

import atexit
import html
import os
import shutil
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from labkit.clients.connections import log_failed_task
from labkit.clients.lab_watch import LabWatch, guarded
from labkit.errors import LabGoneError, NotAvailableError
from labkit.lab.async_lab import AsyncLab
from labkit.lab.call import AsyncCallHandle
from labkit.lab.faults import FaultHandle
from labkit.lab.remote_call import AsyncRemoteCall
from labkit.language import translated
from labkit.lifecycle import environment
from labkit.live.control_list import ControlList
from labkit.remote.address import RemoteAddress, saved_login
from labkit.remote.callback_address import callback_address
from labkit.remote.callback_receiver import CallbackReceiver
from labkit.remote.connections import RemoteConnections
from labkit.remote.gateway_client import RemoteGatewayClient
from labkit.remote.no_supervisor import NoSupervisor
from labkit.remote.not_here import not_here, queue_not_here
from labkit.remote.observed_calls import ObservedCalls
from labkit.service_names import full_name, is_service
from labkit.views.faults import FaultList
from labkit.views.log_lines import LogLines
from labkit.views.not_available import NotAvailable
from labkit.views.queue_status import QueueFigures
from labkit.views.status import LabStatus
from labkit.workspace import LabState, Workspace
from labkit_services.runtime.private_files import write_private

if TYPE_CHECKING:
    from labkit.handlers.lab_handlers import LabHandlers

_labs: dict[tuple[Path, RemoteAddress, str], AsyncRemoteLab] = {}
"""This process's connections: a cell that is run again gets the same one."""
_LOGIN_FOLDER = "remote"


class AsyncRemoteLab(AsyncLab):
    """One connection to an OpenFaaS, by OpenFaaS's own API alone.

    What only the lab's own services know or do raises NotAvailableError, or
    is a note that says so where it is only shown.
    """

    is_remote = True

    def __init__(
        self, workspace: Workspace, state: LabState, address: RemoteAddress, receiver: CallbackReceiver
    ) -> None:
        super().__init__(workspace, state)
        self.supervisor = NoSupervisor(state, partial(_disconnected, address))
        self.watch = LabWatch(self.supervisor, log_failed_task)
        self.remote = RemoteConnections(state, self.watch, address, receiver)
        self.connections = self.remote
        self._address = address

    def __repr__(self) -> str:
        return f"<Lab: OpenFaaS at {self.state.gateway_url}, callbacks to {self.remote.bins_url}>"

    # -- connect

    @classmethod
    async def connect(cls, workspace: Workspace, address: RemoteAddress, callback_url: str) -> AsyncRemoteLab:
        """Connect to an OpenFaaS, or return this process's connection to it.

        Raises:
            RemoteGatewayError: It can't be used; says why.
            CallbackUrlError: It can't send results to this process.
        """
        key = workspace.root, address, callback_url
        known = _labs.get(key)
        if known is not None and not known.is_closed and known.remote.calls.failure is None:
            await known.remote.remote.check()
            known._enter()
            return known
        if known is not None:
            environment.leave(known.state)
        probe = RemoteGatewayClient(address, ObservedCalls())
        try:
            status = await probe.status()
        finally:
            await probe.close()
        receiver = await CallbackReceiver.start(
            callback_address(address, callback_url, orchestration=status.orchestration)
        )
        lab = cls(workspace, _state(address, receiver), address, receiver)
        lab.remote.start()
        _labs[key] = lab
        lab._enter()
        return lab

    @classmethod
    def current(cls, workspace: Workspace) -> AsyncRemoteLab | None:
        """Return this process's newest connection of a workspace, or None."""
        found = [lab for (root, *_), lab in _labs.items() if root == workspace.root]
        return found[-1] if found else None

    def _enter(self) -> None:
        """Make ``!faas-cli`` in a cell use this OpenFaaS."""
        environment.enter(self.state, self.workspace, login_folder=self._write_login())

    def _write_login(self) -> str:
        """Write the login for faas-cli; return its folder.

        It is "" if faas-cli has this login already: its file is not changed.
        """
        if not self._address.user or saved_login(self._address.url) == self._address[1:]:
            return ""
        token = b64encode(f"{self._address.user}:{self._address.password}".encode()).decode()
        login = f"auths:\n- gateway: {self._address.url}\n  auth: basic\n  token: {token}\n"
        write_private(self._login_folder / "config.yml", login)
        atexit.register(_remove_login, self._login_folder, os.getpid())
        return str(self._login_folder)

    @property
    def _login_folder(self) -> Path:
        return self.workspace.folder / _LOGIN_FOLDER

    # -- stop and reset

    async def stop(self, *, force: bool = False) -> str:
        """Disconnect; idempotent. The OpenFaaS and all its functions stay.

        Return which of them this connection had created, as a sentence.
        """
        if self.is_closed:
            return ""
        self._closed = True
        self.supervisor.close()
        for key in [key for key, lab in _labs.items() if lab is self]:
            del _labs[key]
        environment.leave(self.state)
        _remove_login(self._login_folder, os.getpid())
        await self.connections.close()
        created = ", ".join(self.remote.remote.created)
        return (
            f"These functions stay in the OpenFaaS at {self.state.gateway_url}: {created}" if created else ""
        )

    async def wait(self) -> None:
        """Raise NotAvailableError: the OpenFaaS does not say when it ends."""
        raise not_here("The lab's end", "the lab's own supervisor")

    @guarded
    async def reset(self) -> AsyncLab:
        """Remove the functions that this connection has created, and no other.

        Its calls and captured requests are forgotten. What is in the queue of
        the OpenFaaS stays there.

        Raises:
            ServiceError: The receiver of results is gone; connect again.
        """
        client = self.remote.remote
        for name in [*client.created]:
            await client.remove(name)
        if self.remote.calls.failure is not None:
            raise self.remote.calls.failure
        for each in await self.remote.inspector.bins():
            await self.remote.inspector.clear(each["name"])
        self.remote.calls.clear()
        return self

    # -- what is known

    def _handle(self, call_id: str, function: str, seconds: float = 0.0) -> AsyncCallHandle:
        return AsyncRemoteCall(self.remote, call_id, function, seconds)

    @guarded
    async def status(self) -> LabStatus:
        """Return what the OpenFaaS says of itself: a ``RemoteStatus``."""
        status = replace(await self.remote.remote.status(), callbacks=self.remote.bins_url)
        return cast(LabStatus, status)

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines of a function's log; a note for a service."""
        if is_service(full_name(name)):
            return cast(list[str], NotAvailable(_service_log(full_name(name))))
        return await self.remote.gateway.logs(name, tail=tail)

    @guarded
    async def live_logs(self, *services: str, tail: int = 200) -> LogLines:
        """Return the last lines of functions' logs, or a note."""
        names = [full_name(name) for name in services]
        if missing := [name for name in names if is_service(name)]:
            return cast(LogLines, NotAvailable(_service_log(missing[0])))
        names = names or [str(function["name"]) for function in await self.remote.gateway.functions()]
        lines = [
            {"service": name, "time": line["timestamp"], "level": "info", "text": line["text"].rstrip()}
            for name in names
            for line in await self.remote.gateway.log_lines(name, tail=tail)
        ]
        return LogLines(tuple(sorted(lines, key=lambda line: line["time"])[-tail:]))

    # -- what is not

    @property
    def handlers(self) -> LabHandlers:
        """Raise NotAvailableError: the image would be on this machine only."""
        raise not_here(
            "A function from Python source",
            "the lab's own image store; an OpenFaaS pulls images from a registry",
        )

    async def deploy_flaky(
        self, name: str = "flaky", *, failures: int = 2, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Raise NotAvailableError: its program and X-Attempt are the lab's."""
        raise not_here("A flaky function", "the lab's own image, and its queue-worker's X-Attempt")

    async def faults(self) -> FaultList:
        """Return a note: faults are the lab's own."""
        return cast(FaultList, NotAvailable(_no_faults()))

    def missing_faults(self) -> FaultHandle | None:
        """Return what stands for a fault."""
        return cast(FaultHandle, NotAvailable(_no_faults()))

    async def gauge(self, queue: str = "") -> QueueFigures:
        """Return a note: OpenFaaS's API does not show its queue."""
        return cast(QueueFigures, NotAvailable(queue_not_here()))

    async def panel(self) -> ControlList:
        """Return a note: its controls are the lab's own."""
        error = not_here("The control panel", "the lab's own queue and services")
        return cast(ControlList, NotAvailable(error))

    async def set_max_inflight(self, count: int) -> int:
        """Return a note: the worker's operator sets it."""
        seen = "an OpenFaaS: whoever runs it sets max_inflight of its queue-worker"
        error = not_here("max_inflight", "the lab's own queue-worker", seen)
        return cast(int, NotAvailable(error))

    async def record(self, path: Any = "run.jsonl", *, history: bool = False) -> Any:
        """Raise NotAvailableError: there are no events to record."""
        raise not_here("A recording", "the events of the lab's services")

    def card_html(self) -> str:
        """Return the connection's card as HTML."""
        gateway = html.escape(self.state.gateway_url)
        return (
            f"<p><b>{translated('Connected to an OpenFaaS.')}</b> {translated('gateway')} "
            f"<code>{gateway}</code> · {translated('callbacks come to')} "
            f"<code>{html.escape(self.remote.bins_url)}</code> · "
            f"{translated('its queue, workers and broker: not available here')}</p>"
        )


def _remove_login(folder: Path, pid: int) -> None:
    """Remove the login of this process; a forked one leaves it."""
    if pid == os.getpid():
        with suppress(OSError):
            shutil.rmtree(folder)


def _state(address: RemoteAddress, receiver: CallbackReceiver) -> LabState:
    return LabState(
        pid=0,
        run_id=uuid.uuid4().hex,
        gateway_url=address.url,
        inspector_url=receiver.address.api,
        inspector_token=receiver.address.token,
        nats_url="",
        nats_token="",
        user=address.user,
        password=address.password,
        control="",
        control_token="",
        started_ns=time.time_ns(),
    )


def _disconnected(address: RemoteAddress, seen: str = "") -> LabGoneError:
    return LabGoneError(
        "This handle is disconnected.",
        expected=f"a connection to {address.url}",
        seen=seen or "it was stopped: lab.stop()",
        next_step="connect again: Lab.connect(…), or Lab.start()",
    )


def _no_faults() -> NotAvailableError:
    return not_here("Fault injection", "the lab's own services, which it may stop")


def _service_log(name: str) -> NotAvailableError:
    seen = "an OpenFaaS, whose API has the logs of functions only"
    return not_here(f"The log of {name}", "the lab's own services", seen)
