"""The watchdog's log and its event rows."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator

import pytest

from labkit_services.runtime.line_reader import LineReader
from labkit_services.runtime.log import LineWriter
from labkit_services.watchdog.output import CallEventLines, PipeLineWriter, WatchdogLog

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    yield read_end, write_end
    for descriptor in (read_end, write_end):
        try:
            os.close(descriptor)
        except OSError:
            continue  # closed by the test


def read_all(descriptor: int) -> bytes:
    data = b""
    try:
        while part := os.read(descriptor, 65536):
            data += part
    except BlockingIOError:
        return data
    return data


def test_log_lines_have_the_format_of_go_s_log_package(pipe: Pipe) -> None:
    WatchdogLog(LineWriter(pipe[1])).line("Forking fprocess.")

    line = read_all(pipe[0]).decode()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d Forking fprocess\.\n", line)


def test_of_the_runtime_s_lines_only_warnings_and_errors_are_logged(pipe: Pipe) -> None:
    log = WatchdogLog(LineWriter(pipe[1]))

    log.info("ready", url="http://127.0.0.1:1")
    log.error("crashed")

    assert read_all(pipe[0]).decode()[20:] == "crashed\n"


def test_a_process_s_output_is_copied_unchanged(pipe: Pipe) -> None:
    log = WatchdogLog(LineWriter(pipe[1]))

    log.copy("two\nlines")
    log.copy("")
    log.copy("no line end, no text: \ufffd")

    assert read_all(pipe[0]).decode() == "two\nlines\nno line end, no text: \N{REPLACEMENT CHARACTER}\n"


def test_event_rows_carry_time_type_call_id_and_data(pipe: Pipe) -> None:
    events = CallEventLines(LineWriter(pipe[1]), "call-1")
    before = time.time_ns()

    events.started(4711)
    events.exited(4711, -9)

    rows = [json.loads(line) for line in read_all(pipe[0]).splitlines()]
    assert [row[1:] for row in rows] == [
        ["process.started", "call-1", {"pid": 4711}],
        ["process.exited", "call-1", {"pid": 4711, "code": -9}],
    ]
    assert before <= rows[0][0] <= rows[1][0] <= time.time_ns()


def test_lines_are_collected_and_written_together_soon(pipe: Pipe) -> None:
    async def scenario() -> bytes:
        lines = PipeLineWriter(pipe[1])
        lines.write("one")
        lines.write("two")
        assert read_all(pipe[0]) == b""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(pipe[0], readable.set)
        await asyncio.wait_for(readable.wait(), 5)
        loop.remove_reader(pipe[0])
        return read_all(pipe[0])

    assert asyncio.run(scenario()) == b"one\ntwo\n"


def test_without_an_event_loop_a_line_is_written_at_once(pipe: Pipe) -> None:
    PipeLineWriter(pipe[1]).write("now")

    assert read_all(pipe[0]) == b"now\n"


def test_a_paused_reader_blocks_nothing_and_loses_nothing(pipe: Pipe) -> None:
    expected = "".join(f"{'x' * 1000} {number}\n" for number in range(500)).encode()

    async def scenario() -> bytes:
        lines = PipeLineWriter(pipe[1])
        for number in range(500):
            lines.write(f"{'x' * 1000} {number}")
        lines.flush()  # far more than a pipe holds, and still it returns
        data = b""
        async with asyncio.timeout(5):
            while len(data) < len(expected):
                data += read_all(pipe[0])
                await asyncio.sleep(0)
        assert lines.lost == 0
        return data

    assert asyncio.run(scenario()) == expected


def test_a_reader_that_never_reads_loses_whole_lines_above_the_limit(pipe: Pipe) -> None:
    async def scenario() -> PipeLineWriter:
        lines = PipeLineWriter(pipe[1], buffer_bytes=200_000)
        for _ in range(1000):
            lines.write("x" * 999)
            lines.flush()
        return lines

    lines = asyncio.run(scenario())

    got = read_all(pipe[0])
    assert lines.lost > 0
    assert got.count(b"\n") + lines.lost < 1000
    assert set(got.split(b"\n")[:-1]) == {b"x" * 999}


def test_a_call_that_writes_more_than_a_megabyte_keeps_its_last_line_and_says_what_was_lost(
    pipe: Pipe,
) -> None:
    async def scenario() -> tuple[int, bytes]:
        writer = PipeLineWriter(pipe[1])
        log = WatchdogLog(writer)
        log.copy("x" * 99 + "\n" + ("y" * 99 + "\n") * 29_999 + "y" * 99)
        log.line("Wrote 0 Bytes - Duration: 1s")
        writer.flush()
        data = b""
        async with asyncio.timeout(5):
            while not data.endswith(b"1s\n"):
                data += read_all(pipe[0])
                await asyncio.sleep(0)
        return writer.lost, data

    lost, data = asyncio.run(scenario())

    lines = data.decode().splitlines()
    assert lines[0] == "x" * 99
    assert lines[-1].endswith("Wrote 0 Bytes - Duration: 1s")
    assert lines[-2] == f"[labkit: {lost:,} lines lost here]"
    assert len(lines) - 2 + lost == 30_001
    assert len(data) > 900_000


def test_many_short_lines_leave_room_for_the_watchdog_s_own_and_the_last_loss_is_said_at_once(
    pipe: Pipe,
) -> None:
    async def scenario() -> tuple[int, list[str]]:
        writer = PipeLineWriter(pipe[1])
        log = WatchdogLog(writer)
        for number in range(20_000):
            log.output("stderr: ", f"{number:06} {'x' * 90}")
        log.line("POST / - 200 OK")
        for number in range(20_000, 30_000):
            log.output("stderr: ", f"{number:06} {'x' * 90}")
        writer.flush()
        data = b""
        async with asyncio.timeout(5):
            while writer.lost != sum(_lost_in(data.decode().splitlines())):
                data += read_all(pipe[0])
                await asyncio.sleep(0)
        return writer.lost, data.decode().splitlines()

    lost, lines = asyncio.run(scenario())

    assert sum("stderr: " in line for line in lines) + lost == 30_000
    assert sum(line.endswith("POST / - 200 OK") for line in lines) == 1
    assert lines[-1].endswith("lines lost here]")


def _lost_in(lines: list[str]) -> Iterator[int]:
    for line in lines:
        if line.endswith("lost here]"):
            yield int(line.split()[1].replace(",", ""))


def test_rows_that_were_lost_are_not_mentioned_among_rows(pipe: Pipe) -> None:
    async def scenario() -> PipeLineWriter:
        writer = PipeLineWriter(pipe[1], buffer_bytes=100_000, notes=False)
        for _ in range(300):
            writer.write("x" * 999)
        writer.flush()
        read_all(pipe[0])
        writer.write("short")
        writer.flush()
        return writer

    assert asyncio.run(scenario()).lost > 0
    assert b"lost here" not in read_all(pipe[0])


def test_a_log_says_how_many_lines_a_full_disk_cost(monkeypatch: pytest.MonkeyPatch, pipe: Pipe) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = LineWriter(pipe[1])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        writer.write("one")
        writer.write("two")
    writer.write("three")
    writer.write("four")

    assert read_all(pipe[0]).decode() == "[labkit: 2 lines lost here]\nthree\nfour\n"
    assert writer.lost == 2


def test_a_closed_reader_is_not_an_error(pipe: Pipe) -> None:
    os.close(pipe[0])
    lines = PipeLineWriter(pipe[1])

    lines.write("nobody reads this")

    assert lines.lost == 1


async def _stderr_of_one_turn(read_end: int, write_end: int) -> int:
    """Return the largest number of characters that a writer collects."""
    lines = PipeLineWriter(write_end)
    largest = 0
    for _ in range(100):
        lines.copy("x" * 100_000)
        largest = max(largest, lines._collected)
    return largest


def test_long_lines_are_not_collected_without_bound_within_one_turn(pipe: Pipe) -> None:
    assert asyncio.run(_stderr_of_one_turn(*pipe)) < 500_000


def test_a_reader_of_lines_stops_although_a_process_still_writes() -> None:
    lines: list[str] = []
    process = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    output = process.stdout.fileno()

    async def stop() -> None:
        LineReader(output, lines.append).stop()

    with process:
        select.select([output], [], [], 5)
        asyncio.run(stop())
        process.kill()

    assert 0 < len(lines) < 4_000_000
