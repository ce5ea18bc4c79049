"""The processes that a test started, found by a mark in their environment."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress

import psutil

from tests.eventually import eventually

MARK = "LABKIT_TEST_CASE"
"""A variable that programs of a test inherit, or whose value is in a path."""
GONE_SECONDS = 3.0
"""The lab promises: no process lives this long after its end."""


def new_mark() -> str:
    return uuid.uuid4().hex


def marked(mark: str) -> list[psutil.Process]:
    """Return the living processes started under ``mark``, except this one."""
    found = []
    for process in psutil.process_iter():
        try:
            own = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
            if not own and any(mark in value for value in process.environ().values()):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def command_of(process: psutil.Process) -> list[str]:
    """Return the command line; empty if the process has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def command_lines(processes: list[psutil.Process]) -> str:
    lines = []
    for process in processes:
        try:
            lines.append(f"{process.pid}: {' '.join(process.cmdline())[:160]}")
        except psutil.Error:
            continue
    return "\n".join(lines)


def assert_gone(mark: str, *, within: float = GONE_SECONDS) -> None:
    """Fail if a process started under ``mark`` is still alive, and kill it."""
    left: list[psutil.Process] = []

    def is_gone() -> bool:
        left[:] = marked(mark)
        return not left

    try:
        eventually(is_gone, within=within)
    except AssertionError:
        text = command_lines(left)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        raise AssertionError(f"left behind after {within:g} s:\n{text}") from None
