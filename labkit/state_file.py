"""Find a workspace and read the state of its running lab, with few imports.

``labkit.workspace`` builds on it. ``faas-cli invoke`` uses it directly: the
types of that module (``pathlib``, named tuples) would take 8 ms to import.
"""

from __future__ import annotations

import fcntl
import os

from labkit_services.files.own_file import is_own_folder, open_own, read_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER, LOCK_FILE, STATE_FILE = ".labkit", "lock", "state.json"


def find_workspace(start: str = "") -> str:
    """Return the workspace that a folder, else the current one, belongs to.

    ``$LABKIT_WORKSPACE`` wins; else the nearest folder upwards that contains a
    lab; else the nearest one that contains a git clone, so that a notebook in
    ``notebooks/en`` and a terminal in the root meet; else the current folder.

    Raises:
        UnsafePathError: The lab's folder is a link or another user's, or
            others may write to it: what is in it could send secrets anywhere.
    """
    workspace = _find_workspace(os.path.realpath(start))
    is_own_folder(os.path.join(workspace, FOLDER))
    return workspace


def _find_workspace(start: str) -> str:
    if chosen := os.environ.get("LABKIT_WORKSPACE"):
        return os.path.realpath(os.path.expanduser(chosen))
    for mark in (FOLDER, ".git"):
        folder = start
        while not os.path.lexists(os.path.join(folder, mark)):
            if folder == os.path.dirname(folder):
                break
            folder = os.path.dirname(folder)
        else:
            return folder
    return start


def is_locked(root: str) -> bool:
    """Return whether the supervisor is alive: its lock ends with it."""
    folder = os.path.join(root, FOLDER)
    if not is_own_folder(folder):
        return False
    try:
        descriptor = open_own(os.path.join(folder, LOCK_FILE))
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_state(root: str) -> dict[str, Any] | None:
    """Return the fields of the running lab's state, or None if no lab runs.

    A file left by a lab that was killed is recognised by its free lock.

    Raises:
        UnsafePathError: It was not written by a lab of this user.
    """
    if not is_locked(root):
        return None
    try:
        with read_own(os.path.join(root, FOLDER, STATE_FILE)) as file:
            state = parse_json(file.read().decode())
    except (OSError, ValueError):
        return None  # not written yet
    return state if isinstance(state, dict) else None


def parse_json(text: str) -> Any:
    """Return ``json.loads(text)`` of a text that ``json.dumps`` wrote.

    The parser in C is in ``_json``; ``json`` would import ``re``, which takes
    5 ms.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        from _json import make_scanner
    except ImportError:  # another Python than CPython
        from json import loads

        return loads(text)
    try:
        decoding: Any = _Decoding
        value, end = make_scanner(decoding)(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):
        raise ValueError("not JSON")
    return value


class _Decoding:
    """How ``json.JSONDecoder`` decodes without arguments."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = float
