"""How a process ended, described as Go does."""

from __future__ import annotations

import signal

import pytest

from labkit_services.runtime.spool import Spool
from labkit_services.watchdog.modes.buffered import Outcome


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (3 << 8, "exit status 3"),
        (255 << 8, "exit status 255"),
        (signal.SIGKILL, "signal: killed"),
        (signal.SIGTERM, "signal: terminated"),
        (signal.SIGSEGV, "signal: segmentation fault"),
        (signal.SIGABRT | 0x80, "signal: aborted (core dumped)"),
    ],
)
def test_a_wait_status_is_described_as_go_does(status: int, text: str) -> None:
    outcome = Outcome(status, Spool())

    assert outcome.describe() == text
    assert not outcome.success


def test_exit_code_zero_is_success() -> None:
    assert Outcome(0, Spool()).success


def test_output_that_cannot_be_kept_is_a_failure() -> None:
    outcome = Outcome(0, Spool(), failure="more than 9 bytes")
    assert not outcome.success
    assert outcome.describe() == "the function was killed, because it wrote more than 9 bytes"
