"""Which fault comes when: drawn from a seed, so that the same seed gives the same faults."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done to a target."""

    KILL = "kill"  # SIGKILL
    STOP = "stop"  # SIGSTOP, and SIGCONT after a while
    RESTART = "restart"  # asked to end, started again
    AWAY = "away"  # does not listen for a while: the callbacks' target


PROCESS_KINDS = (Kind.KILL, Kind.KILL, Kind.STOP, Kind.RESTART)
"""Kills are the point, so they come twice as often."""

_SETTLE_SECONDS = 1.0
"""Calls before the first fault."""


@dataclass(frozen=True, slots=True)
class Target:
    """What faults are done to.

    Attributes:
        name: A service, ``watchdog`` or ``callback-target``.
        kinds: What may be done to it.
        group: Of a group only one member at a time is disturbed: of three nodes two are left.
        rest: Seconds after a fault's end in which the group is left alone. A supervisor
            gives up what dies five times in ten seconds, and it should.
        weight: How often it is chosen, in relation to the others.
    """

    name: str
    kinds: tuple[Kind, ...] = PROCESS_KINDS
    group: str = ""
    rest: float = 3.0
    weight: int = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        at: Seconds from the start of the load.
        target: Name of the target.
        kind: What is done.
        seconds: For how long, where that has a meaning, else 0.
        pick: Which one, where there are several of that name: modulo their number.
    """

    at: float
    target: str
    kind: Kind
    seconds: float
    pick: int

    def __str__(self) -> str:
        """Name it in a line of a log."""
        lasting = f" {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind} {self.target}{lasting}"


def schedule(
    seed: int, seconds: float, targets: Sequence[Target], *, pause: float = 2.0, longest: float = 5.0
) -> list[Fault]:
    """Return the faults of a run, in order of time.

    Args:
        seed: Where chance comes from.
        seconds: Length of the run; every fault has ended by then.
        targets: What may be disturbed.
        pause: Mean seconds between the beginnings of two faults. They may overlap.
        longest: Most seconds that something is stopped or away.
    """
    rng = random.Random(f"faults {seed}")
    free_at = {target.group or target.name: 0.0 for target in targets}
    faults: list[Fault] = []
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
        lasting = rng.uniform(0.2, longest) if kind in (Kind.STOP, Kind.AWAY) else 0.0
        lasting = min(lasting, seconds - now)
        free_at[target.group or target.name] = now + lasting + target.rest
        faults.append(Fault(now, target.name, kind, lasting, rng.randrange(1000)))
