"""The lab's services: their status, logs and number."""

from __future__ import annotations

from typing import cast

from labkit.lab.background_loop import blocking
from labkit.lab.methods.parts import LabParts
from labkit.lifecycle.log_files import log_path
from labkit.service_names import is_service
from labkit.views.faults import FaultKind
from labkit.views.not_available import NotAvailable
from labkit.views.status import LabStatus
from labkit_services.runtime.log_tail import tail as last_log_lines


class LogText(str):
    """Lines of a log, shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class AsyncLabServices(LabParts):
    """``LabServices``, as coroutines."""

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


def _log_text(lines: list[str]) -> LogText:
    if isinstance(lines, NotAvailable):  # a note stays a note
        return cast(LogText, lines)
    return LogText("\n".join(lines))


class LabServices:
    """The lab's services: their status, logs and number."""

    _async: AsyncLabServices

    status = blocking(AsyncLabServices.status)
    restart = blocking(AsyncLabServices.restart)
    kill = blocking(AsyncLabServices.kill)
    scale_workers = blocking(AsyncLabServices.scale_workers)
    logs = blocking(AsyncLabServices.logs, _log_text)
