"""What a forked child inherits of its parent's event loop, and must not use.

A child has copies of its parent's tasks and connections, but not the thread
that runs them. It makes its own, and never deletes the copies: Python would
report that a task is pending, or close a connection by way of the loop.
"""

from __future__ import annotations

_kept: list[object] = []


def keep(*inherited: object) -> None:
    """Keep a parent's objects as long as this process runs."""
    _kept.extend(inherited)
