"""The states of a service, and of the lab as a whole."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """stopped → starting → ready → stopping → stopped, or failed."""

    STOPPED = "stopped"
    """It has no process."""
    STARTING = "starting"
    """It is not ready yet, or waits for the next attempt to start it."""
    READY = "ready"
    """Its process has reported that it serves requests."""
    STOPPING = "stopping"
    """Its process was asked to end and may be finishing requests in flight."""
    FAILED = "failed"
    """It kept exiting and is not restarted automatically any more."""


def summary(states: list[State]) -> State:
    """Return the lab's state: the worst state of its services."""
    for state in (State.FAILED, State.STOPPING, State.STARTING, State.STOPPED):
        if state in states:
            return state
    return State.READY
