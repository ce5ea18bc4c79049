"""Notice that JetStream no longer stores, and get it to store again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from labkit.errors import StorageError
from labkit.service_names import NATS_SERVER
from labkit.supervisor.managed_service import ManagedService
from labkit.supervisor.service_specs import ServiceSpecs
from labkit.supervisor.store.disk import write_problem
from labkit.supervisor.store.nats_connection import connected
from labkit.supervisor.store.write_errors import write_errors
from labkit.views.states import State
from labkit_services.contract.errors import LabError
from labkit_services.contract.write_probe import reason_of

_CHECK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
"""Between two restarts of nats-server that did not help."""
_GRACE_SECONDS = 2.0


@dataclass(eq=False)
class StoreWatch:
    """Checks the store every second, and records what is wrong with it.

    A nats-server that could not write refuses all further writes, also when
    the disk has room again: then it is restarted. Its clients reconnect, and
    what was accepted before is in its files.
    """

    specs: ServiceSpecs
    server: ManagedService
    _pause: float = _CHECK_SECONDS
    _needs_restart: bool = False

    async def run(self) -> None:
        """Check the store until cancelled."""
        while True:
            await asyncio.sleep(self._pause)
            await self.check()

    async def check(self) -> None:
        """Check the store once; restart nats-server if that can help."""
        if problem := write_problem(self.specs.workspace.folder):
            self._needs_restart = True
            self._note(problem)
            return
        if self.server.state is not State.READY:
            return
        try:
            problem = await self._write_error()
        except (OSError, ValueError, LookupError):
            return  # it ends, is paused, or answers strangely: no news
        if problem or self._needs_restart:
            self._note(problem or self.specs.store_problem)
            self._needs_restart = False
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            logging.warning("restarting %s, which could not write its store", NATS_SERVER)
            await self.server.renew(_GRACE_SECONDS)
        else:
            self._pause = _CHECK_SECONDS
            self._note(None)
            await self.specs.recovery.record(self.specs.url_of[NATS_SERVER], at_rest=False)

    async def _write_error(self) -> StorageError | None:
        async with connected(self.specs.url_of[NATS_SERVER], self.specs.nats_token) as nats:
            errors = await write_errors(nats)
        if not errors:
            return None
        stream, error = next(iter(errors.items()))
        return StorageError(
            reason_of(error) or "JetStream no longer stores anything.",
            expected=f"{NATS_SERVER} to write {', '.join(errors)}",
            seen=f"{stream}: {error}",
            next_step=f"wait: {NATS_SERVER} is restarted as soon as the disk can be written",
        )

    def _note(self, problem: LabError | None) -> None:
        before, self.specs.store_problem = self.specs.store_problem, problem
        if problem and (before is None or before.headline != problem.headline):
            logging.error("the store can't be written: %s", str(problem).replace("\n", " |"))
        elif before and problem is None:
            logging.info("the store can be written again")
