"""There is no supervisor: the services of another OpenFaaS are not ours."""

from __future__ import annotations

import asyncio
from typing import Any

from labkit.clients.supervisor import SupervisorClient
from labkit.remote.not_here import not_here

_WHAT = {
    "begin_fault": "Fault injection",
    "end_fault": "Fault injection",
    "scale_workers": "The number of queue-workers",
    "configure": "max_inflight",
}


class NoSupervisor(SupervisorClient):
    """Answers every command with NotAvailableError.

    It announces nothing: the OpenFaaS does not say when it ends.
    """

    async def _ask(self, command: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        if self._closed:
            raise self.gone()
        if command == "next_announcement":
            return await asyncio.Event().wait()
        what = _WHAT.get(command, "The state of the services")
        raise not_here(what, "the lab's own supervisor, which has started its services")
