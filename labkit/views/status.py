"""The status of the lab and of its services."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.language import joined, translated
from labkit.views.formatting import format_age, format_bytes
from labkit.views.states import State
from labkit.views.tables import html_table, text_table
from labkit_services.contract.function_providers import DOCKER, PROCESS


@dataclass(frozen=True)
class ServiceStatus:
    """One service.

    Attributes:
        name: ``nats-server``, ``gateway``, ``queue-worker`` or ``inspector``.
        state: Where it is in its life cycle.
        pid: Its process id; 0 if it has no process.
        address: Where it listens, or "".
        restarts: How often it was restarted after ending by itself.
        since: Unix time at which it entered this state.
        memory: Resident bytes.
        error: Why it is not ready, or "".
        metrics: Where its metrics are, as Prometheus text, or "".
    """

    name: str
    state: State
    pid: int
    address: str
    restarts: int
    since: float
    memory: int
    error: str
    metrics: str = ""


@dataclass(frozen=True)
class LabStatus:
    """The lab as a whole.

    Attributes:
        state: The most serious state of any service.
        workspace: The lab's folder.
        max_inflight: Most calls that a queue-worker runs at once.
        memory: Resident bytes of the supervisor itself.
        services: In the order of their start.
        faults: The injected faults, as text: ``pause of queue-worker``.
        damage: What of the store was damaged and is lost, as sentences.
        functions: What functions run in: ``process`` or ``docker``.
    """

    state: State
    workspace: str
    max_inflight: int
    memory: int
    services: tuple[ServiceStatus, ...]
    faults: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    functions: str = PROCESS

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LabStatus:
        """Return the lab status of a supervisor's document."""
        return cls(
            state=State(document["state"]),
            workspace=document["workspace"],
            max_inflight=document["max_inflight"],
            memory=document["memory"],
            services=tuple(
                ServiceStatus(**{**service, "state": State(service["state"])})
                for service in document["services"]
            ),
            faults=tuple(f"{fault['fault']} of {fault['service']}" for fault in document.get("faults", ())),
            damage=tuple(document.get("damage", ())),
            functions=document.get("functions", PROCESS),
        )

    def service(self, name: str) -> ServiceStatus:
        """Return one service.

        Raises:
            KeyError: No service has that name.
        """
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def rows(self, now: float | None = None) -> list[tuple[str, ...]]:
        """Return the table: a heading, then a row for each service."""
        now = time.time() if now is None else now
        rows = (
            (
                service.name,
                service.state,
                format_age(now - service.since),
                format_bytes(service.memory),
                str(service.restarts),
                str(service.pid or ""),
                service.address or service.metrics,
            )
            for service in self.services
        )
        return [("service", "state", "for", "memory", "restarts", "pid", "address"), *rows]

    def _notes(self) -> list[str]:
        containers = (
            [translated("Functions run in containers of the Docker engine.")]
            if self.functions == DOCKER
            else []
        )
        faults = [translated("Injected faults: ") + joined(self.faults)] if self.faults else []
        damage = [translated("Damaged store: ") + translated(finding) for finding in self.damage]
        return containers + faults + damage

    def _errors(self) -> list[str]:
        return [translated(service.error) for service in self.services if service.error]

    def __str__(self) -> str:
        heading = translated(f"The lab in {self.workspace} is {self.state}.")
        return "\n".join([heading, text_table(self.rows()), *self._notes(), *self._errors()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heading = translated(f"The lab is <b>{self.state}</b>.")
        notes = "".join(f"<p>{html.escape(line)}</p>" for line in self._notes())
        errors = "".join(f"<pre>{html.escape(error)}</pre>" for error in self._errors())
        return f"<p>{heading}</p>{html_table(self.rows())}{notes}{errors}"
