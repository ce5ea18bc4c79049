"""The states that a service, and the lab as a whole, can be in."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """stopped → starting → ready → stopping → stopped, or failed."""

    STOPPED = "stopped"
    """No process."""
    STARTING = "starting"
    """A process, or the pause before the next try; not ready yet."""
    READY = "ready"
    """Its process has said that it answers."""
    STOPPING = "stopping"
    """Told to end; may be finishing what is in flight."""
    FAILED = "failed"
    """It could not stay up; nothing tries again until someone asks."""


def summary(states: list[State]) -> State:
    """Return the lab's state from those of its services: the worst one that anyone must know."""
    for state in (State.FAILED, State.STOPPING, State.STARTING, State.STOPPED):
        if state in states:
            return state
    return State.READY
