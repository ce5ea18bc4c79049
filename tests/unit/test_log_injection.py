"""What clients send can neither add lines to a log nor steer a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from labkit_services.contract.queued_call import QueuedCall
from labkit_services.queue_worker.worker_log import WorkerLog
from labkit_services.runtime.log import LineWriter, Log, quoted
from labkit_services.watchdog.output import WatchdogLog

HOSTILE = [
    *("a\nb", "a\r\nb", "a\x1b[2Jb", "a\x00b", "a\x7fb", "a\x80b", "a\x9b31mb", "a\x85b", "a\x0bb", "a\x0cb"),
    *("a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\ufeffb", "a\ud800b"),
]


class Captured(LineWriter):
    """Keeps what is written in a pipe."""

    def __init__(self) -> None:
        self._read_end, write_end = os.pipe()
        super().__init__(write_end)

    def text(self) -> str:
        return os.read(self._read_end, 65536).decode()

    def close(self) -> None:
        os.close(self._read_end)
        os.close(self._descriptor)


@pytest.fixture
def writer() -> Iterator[Captured]:
    writer = Captured()
    yield writer
    writer.close()


def call(text: str) -> QueuedCall:
    return QueuedCall(text, "cat", "POST", "", "", (), f"http://h/{text}", 0, b"")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_every_log_escapes_what_is_not_printable(writer: Captured, text: str) -> None:
    WatchdogLog(writer).line(f"Path {text}")
    Log("gateway", writer).error(f"failed {text}", call_id=text)
    worker = WorkerLog(writer)
    worker.dead(1, call(text), text)
    worker.calling_back(1, text)
    worker.received(1, text, call(text))

    lines = writer.text().split("\n")
    assert len(lines) == 6
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines)
    assert all("\\" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "a"),
        ("2f6d-41", "2f6d-41"),
        ("", '""'),
        ("a b", '"a b"'),
        ('a"', r'"a\""'),
        ('a" level="error', r'"a\" level=\"error"'),
        ("a\\", "a\\"),
        ('a\\" b', r'"a\\\" b"'),
        ("1] Queueing (9) bytes for: x. [2", '"1] Queueing (9) bytes for: x. [2"'),
        ("x]", '"x]"'),
    ],
)
def test_a_value_that_could_be_taken_for_the_text_around_it_is_quoted(value: str, shown: str) -> None:
    assert quoted(value) == shown


def test_text_of_other_scripts_stays_readable(writer: Captured) -> None:
    WatchdogLog(writer).line("Jürgen 李 😀\ttab")
    assert writer.text().endswith("Jürgen 李 😀\ttab\n")


def test_a_function_s_own_output_is_unchanged(writer: Captured) -> None:
    WatchdogLog(writer).output("stderr: ", "\x1b[31mred\x1b[0m\nnext")
    assert writer.text().endswith(" stderr: \x1b[31mred\x1b[0m\nnext\n")
