"""The schedule of faults: the same seed gives the same faults."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultAction(StrEnum):
    """What happens to a target."""

    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGSTOP, and SIGCONT after a while
    RESTART = "restart"  # SIGTERM, then started again
    AWAY = "away"  # the target of callbacks does not listen for a while
    FILL = "fill"  # the disk is full for a while
    DAMAGE = "damage"  # nats-server stops, a file of a queue is damaged, and it starts again


PROCESS_KINDS = (FaultAction.KILL, FaultAction.KILL, FaultAction.STOP, FaultAction.RESTART)
"""Kills matter most, so they come twice as often."""

_LASTING = (FaultAction.STOP, FaultAction.AWAY, FaultAction.FILL)

_SETTLE_SECONDS = 1.0
"""Load without faults at the start."""


@dataclass(frozen=True, slots=True)
class ChaosTarget:
    """A target of faults.

    Attributes:
        name: A service, ``watchdog`` or ``callback-target``.
        kinds: Faults that it may get.
        group: Only one member of a group is disturbed at a time, so two of three nodes stay up.
        rest: Seconds after the end of a fault in which the group gets no other. The supervisor
            rightly stops restarting a service that dies five times in ten seconds.
        weight: How often it is chosen, relative to the others.
    """

    name: str
    kinds: tuple[FaultAction, ...] = PROCESS_KINDS
    group: str = ""
    rest: float = 3.0
    weight: int = 2


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """One fault.

    Attributes:
        at: Seconds from the start of the load.
        target: Name of the target.
        kind: What happens to the target.
        seconds: Duration of a stop or an absence, else 0.
        pick: Which of several processes of that name, modulo their number.
    """

    at: float
    target: str
    kind: FaultAction
    seconds: float
    pick: int

    def __str__(self) -> str:
        """Return a line for a log."""
        lasting = f" {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind} {self.target}{lasting}"


def schedule(
    seed: int, seconds: float, targets: Sequence[ChaosTarget], *, pause: float = 2.0, longest: float = 5.0
) -> list[ScheduledFault]:
    """Return the faults of a run, in order of time.

    Args:
        seed: Seed of the random numbers.
        seconds: Length of the run; every fault has ended by then.
        targets: Possible targets.
        pause: Mean seconds between the beginnings of two faults. They may overlap.
        longest: Maximal duration of a stop or an absence in seconds.
    """
    rng = random.Random(f"faults {seed}")
    free_at = {target.group or target.name: 0.0 for target in targets}
    faults: list[ScheduledFault] = []
    now = _SETTLE_SECONDS
    while True:
        now += rng.uniform(0.2, 1.8) * pause
        if now >= seconds:
            return faults
        able = [target for target in targets if free_at[target.group or target.name] <= now]
        if not able:
            continue
        target = rng.choices(able, [target.weight for target in able])[0]
        kind = rng.choice(target.kinds)
        lasting = rng.uniform(0.2, longest) if kind in _LASTING else 0.0
        lasting = min(lasting, seconds - now)
        free_at[target.group or target.name] = now + lasting + target.rest
        faults.append(ScheduledFault(now, target.name, kind, lasting, rng.randrange(1000)))
