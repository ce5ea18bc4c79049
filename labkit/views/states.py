"""The states of a service, and of the lab as a whole."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """stopped → starting → ready → stopping → stopped, blocked, or failed."""

    STOPPED = "stopped"
    """No process."""
    STARTING = "starting"
    """A process that is not ready, or the pause before the next attempt."""
    READY = "ready"
    """The process has sent its ready message."""
    BLOCKED = "blocked"
    """The process is ready, but can store nothing, as when the disk is
    full."""
    STOPPING = "stopping"
    """The process was asked to end; it may be finishing requests in flight."""
    FAILED = "failed"
    """The service could not stay up; it is started again only on request."""


def summary(states: list[State]) -> State:
    """Return the lab's state: the most serious state of its services."""
    for state in (State.FAILED, State.BLOCKED, State.STOPPING, State.STARTING, State.STOPPED):
        if state in states:
            return state
    return State.READY
