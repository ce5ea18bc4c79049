"""Notice that an existing NATS does not answer, and that it does again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from labkit.supervisor.external_nats import ExternalNats
from labkit.supervisor.service_specs import ServiceSpecs

_CHECK_SECONDS = 2.0


@dataclass(eq=False)
class NatsWatch:
    """Checks the NATS every two seconds, and records what is wrong with it.

    Meanwhile a service that has ended is not started: it could not store
    anything.
    """

    specs: ServiceSpecs
    nats: ExternalNats

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            before, problem = self.specs.store_problem, await self.nats.check()
            self.specs.store_problem = problem
            if problem and before is None:
                logging.error("%s", str(problem).replace("\n", " |"))
            elif before and problem is None:
                logging.info("NATS stores again")
            await asyncio.sleep(_CHECK_SECONDS)
