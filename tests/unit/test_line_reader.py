"""Lines from a pipe: their ends, their characters, and their length."""

from __future__ import annotations

import asyncio
import os

import pytest

from labkit_services.runtime.line_reader import LineReader

MARK = "[labkit: {} more characters are not kept]"


def lines_of(parts: list[bytes], *, limit: int = 8192) -> list[str]:
    """Return the lines of what is written to a pipe part by part."""

    async def scenario() -> list[str]:
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        got: list[str] = []
        ended = asyncio.Event()
        reader = LineReader(read_end, got.append, ended.set, limit=limit)
        async with asyncio.timeout(10):
            for part in parts:
                while part:
                    try:
                        part = part[os.write(write_end, part) :]
                    except BlockingIOError:
                        await asyncio.sleep(0)
                await asyncio.sleep(0.001)
            os.close(write_end)
            await ended.wait()
        reader.stop()
        os.close(read_end)
        return got

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([b"a\nb"], ["a", "b"]),
        ([b"a\n"], ["a"]),
        ([b""], []),
        ([b"\n\n"], ["", ""]),
        ([b"a\r\nb\r\n", b"c\r"], ["a", "b", "c"]),
        ([b"a\r", b"\nb"], ["a", "b"]),
        ([b"10%\r20%\r30%\n"], ["10%\r20%\r30%"]),
        (["a\u2028b\x0bc\x85d\n".encode()], ["a\u2028b\x0bc\x85d"]),
        ([bytes([byte]) for byte in "ä€𝄞\nz".encode()], ["ä€𝄞", "z"]),
        ([b"\xff\n\xc3", b"\nx\xe2\x82"], ["\ufffd", "\ufffd", "x\ufffd"]),
        ([b"\0\x1b[0m\n"], ["\0\x1b[0m"]),
    ],
)
def test_lines_end_as_for_go_s_scanner(parts: list[bytes], expected: list[str]) -> None:
    assert lines_of(parts) == expected


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("character", ["x", "é", "文", "𝄞"])
@pytest.mark.parametrize(
    ("length", "mark"),
    [
        (8191, ""),
        (8192, ""),
        (8193, " [labkit: 1 more character is not kept]"),
        (65_537, f" {MARK.format('57,345')}"),
        (1_000_000, f" {MARK.format('991,808')}"),
    ],
)
def test_of_a_line_of_a_function_s_log_that_is_cut_the_rest_is_counted(
    length: int, mark: str, character: str, end: bytes
) -> None:
    assert lines_of([(character * length).encode() + end]) == [character * min(length, 8192) + mark]


def test_a_line_that_never_ends_is_passed_on_in_parts() -> None:
    lines = lines_of([b"y" * 3_000_000])

    assert len(lines) == 3
    assert {line[:8192] for line in lines} == {"y" * 8192}
    left_out = sum(int(line[8192:].split()[1].replace(",", "")) for line in lines)
    assert left_out + 3 * 8192 == 3_000_000
