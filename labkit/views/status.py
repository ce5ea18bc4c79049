"""What ``lab.status()`` and ``labkit status`` show."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.views.states import State
from labkit.views.tables import html_table, text_table


@dataclass(frozen=True)
class ServiceStatus:
    """One service.

    Attributes:
        name: ``nats-server``, ``gateway``, ``queue-worker`` or ``inspector``.
        state: Where it is in its life.
        pid: Its process id; 0 while it has none.
        address: Where it listens, or "".
        metrics: Where its metrics are, as Prometheus text, or "".
        restarts: How often it was started again after ending by itself.
        since: Unix time at which it came into this state.
        memory: Resident bytes.
        error: Why it is not ready, or "".
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
        state: The worst state of any service.
        workspace: Its folder.
        max_inflight: Calls that the queue-worker runs at once.
        memory: Resident bytes of the supervisor itself.
        services: In order of their start.
        faults: What is wrong on purpose, as words: ``pause of queue-worker``.
    """

    state: State
    workspace: str
    max_inflight: int
    memory: int
    services: tuple[ServiceStatus, ...]
    faults: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> LabStatus:
        """Read the supervisor's answer."""
        return cls(
            state=State(answer["state"]),
            workspace=answer["workspace"],
            max_inflight=answer["max_inflight"],
            memory=answer["memory"],
            services=tuple(
                ServiceStatus(**{**service, "state": State(service["state"])})
                for service in answer["services"]
            ),
            faults=tuple(f"{fault['fault']} of {fault['service']}" for fault in answer.get("faults", ())),
        )

    def service(self, name: str) -> ServiceStatus:
        """Return one service.

        Raises:
            KeyError: There is none of that name.
        """
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def rows(self, now: float | None = None) -> list[tuple[str, ...]]:
        """Return the table: a heading, then a row for each service."""
        now = time.time() if now is None else now
        heading = ("service", "state", "for", "memory", "restarts", "pid", "address")
        rows = (
            (
                service.name,
                service.state,
                say_seconds(now - service.since),
                say_bytes(service.memory),
                str(service.restarts),
                str(service.pid or ""),
                service.address or service.metrics,
            )
            for service in self.services
        )
        return [heading, *rows]

    def _faults(self) -> list[str]:
        return ["Wrong on purpose: " + ", ".join(self.faults)] if self.faults else []

    def _errors(self) -> list[str]:
        return [service.error for service in self.services if service.error]

    def __str__(self) -> str:
        heading = f"The lab in {self.workspace} is {self.state}."
        return "\n".join([heading, text_table(self.rows()), *self._faults(), *self._errors()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        faults = "".join(f"<p>{html.escape(line)}</p>" for line in self._faults())
        errors = "".join(f"<pre>{html.escape(error)}</pre>" for error in self._errors())
        return f"<p>The lab is <b>{self.state}</b>.</p>{html_table(self.rows())}{faults}{errors}"


def say_seconds(seconds: float) -> str:
    """Return a length of time in one unit: ``42 s``, ``3 min``, ``2 h``."""
    if seconds < 100:
        return f"{max(0, round(seconds))} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"


def say_bytes(count: int) -> str:
    """Return an amount of memory in MB."""
    return f"{count / 1e6:.0f} MB" if count else ""
