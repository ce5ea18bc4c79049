"""Find a workspace and read the state of its running lab, with few imports.

``labkit.workspace`` builds on it. ``faas-cli invoke`` uses it directly: the
types of that module (``pathlib``, named tuples) would take 8 ms to import.
"""

from __future__ import annotations

import fcntl
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER, LOCK_FILE, STATE_FILE = ".labkit", "lock", "state.json"


def find_workspace() -> str:
    """Return the workspace that the current folder belongs to.

    ``$LABKIT_WORKSPACE`` wins; else the nearest folder upwards that contains a
    lab; else the nearest one that contains a git clone, so that a notebook in
    ``notebooks/en`` and a terminal in the root meet; else the current folder.
    """
    if chosen := os.environ.get("LABKIT_WORKSPACE"):
        return os.path.realpath(os.path.expanduser(chosen))
    start = os.path.realpath("")
    for mark in (FOLDER, ".git"):
        folder = start
        while not os.path.exists(os.path.join(folder, mark)):
            if folder == os.path.dirname(folder):
                break
            folder = os.path.dirname(folder)
        else:
            return folder
    return start


def is_locked(root: str) -> bool:
    """Return whether the supervisor is alive: its lock ends with it."""
    try:
        with open(os.path.join(root, FOLDER, LOCK_FILE), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
    except OSError:
        return False


def read_state(root: str) -> dict[str, Any] | None:
    """Return the fields of the running lab's state, or None if no lab runs.

    A file left by a lab that was killed is recognised by its free lock.
    """
    if not is_locked(root):
        return None
    try:
        with open(os.path.join(root, FOLDER, STATE_FILE), encoding="utf-8") as file:
            state = json.load(file)
    except (OSError, ValueError):
        return None  # not written yet
    return state if isinstance(state, dict) else None
