"""What all tests share."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """Start programs with the signals of a terminal, also when this run ignores them.

    `nohup`, and a script's `&`, start this process with SIGHUP or SIGINT ignored, and every program that a
    test starts would inherit that. A handler in Python is not inherited: programs start with the default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture
def anyio_backend() -> str:
    """Run `@pytest.mark.anyio` tests on asyncio: the services are written for it, and for nothing else."""
    return "asyncio"
