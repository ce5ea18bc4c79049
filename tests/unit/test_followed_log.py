"""A log file that is followed: bursts, long lines, truncation, rotation."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from labkit_services.runtime.followed_log import FollowedLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.log"
    file.touch(0o600)
    return file


@pytest.fixture
def log(path: Path) -> FollowedLog:
    followed = FollowedLog(path)
    followed.tail(0)
    return followed


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def texts(lines: list[dict[str, Any]]) -> list[str]:
    return [line["text"] for line in lines]


def test_lines_come_once_and_only_when_they_are_complete(path: Path, log: FollowedLog) -> None:
    add(path, b"one\ntw")
    assert texts(log.more()) == ["one"]
    assert log.more() == []
    add(path, "o \u00e9\n".encode())
    assert texts(log.more()) == ["two \u00e9"]
    assert log.dropped == 0


def test_the_last_lines_come_first_and_none_of_them_twice(path: Path) -> None:
    add(path, b"".join(b"line %d\n" % number for number in range(700)))
    log = FollowedLog(path)

    assert texts(log.tail(2)) == ["line 698", "line 699"]
    add(path, b"next\n")
    assert texts(log.more()) == ["next"]


def test_a_truncated_file_is_read_from_its_beginning(path: Path, log: FollowedLog) -> None:
    add(path, b"a long line before\n")
    log.more()
    os.truncate(path, 0)
    add(path, b"new\n")

    assert texts(log.more()) == ["new"]


def test_a_replaced_file_is_read_from_its_beginning_even_if_it_is_longer(
    path: Path, log: FollowedLog
) -> None:
    add(path, b"old\n")
    log.more()
    path.rename(path.with_suffix(".1"))
    assert log.more() == []
    path.touch(0o600)
    add(path, b"new and longer\n")

    assert texts(log.more()) == ["new and longer"]


def test_a_missing_file_has_no_lines_until_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "later.log"
    log = FollowedLog(path)
    assert log.tail(5) == log.more() == []
    path.touch(0o600)
    add(path, b"here\n")

    assert texts(log.more()) == ["here"]


@pytest.mark.parametrize("megabytes", [1, 5, 20])
def test_a_line_of_megabytes_is_cut_and_the_next_line_is_whole(
    path: Path, log: FollowedLog, megabytes: int
) -> None:
    add(path, b"x" * (megabytes * 1024 * 1024))
    lines = log.more() + log.more() + log.more()
    add(path, b" the end\nnext\n")
    lines += log.more()

    assert texts(lines)[-1] == "next"
    assert len(lines) + log.dropped == 2
    assert all(len(text) < 9000 for text in texts(lines))


def test_the_beginning_of_a_long_line_is_shown_before_its_end(path: Path, log: FollowedLog) -> None:
    add(path, b"y" * (256 * 1024))
    (line,) = log.more()
    assert line["text"].startswith("yyy")
    assert "not kept" in line["text"]
    add(path, b"y" * 1000 + b"\nnext\n")

    assert texts(log.more()) == ["next"]


def test_a_burst_is_counted_and_its_newest_lines_are_kept(path: Path, log: FollowedLog) -> None:
    count = 100_000
    add(path, b"".join(b"line number %06d of a burst\n" % number for number in range(count)))
    begin = time.perf_counter()
    lines = log.more()
    took = time.perf_counter() - begin

    assert lines[-1]["text"] == f"line number {count - 1:06d} of a burst"
    assert len(lines) + log.dropped == count
    assert log.dropped > 0
    assert took < 1, "one call reads a burst in a moment"


def test_bytes_that_are_no_text_and_controls_stay_in_one_line(path: Path, log: FollowedLog) -> None:
    add(path, b"\xff\x00\x1b[31m red \xe2\x80\xa8 \x0b \r\n")
    (line,) = log.more()

    assert line["text"] == "\ufffd\x00\x1b[31m red \u2028 \x0b \r"


def test_no_more_lines_are_parsed_than_are_wanted(path: Path, log: FollowedLog) -> None:
    add(path, b"one\ntwo\nthree\n")

    assert texts(log.more(2)) == ["two", "three"]
    assert log.dropped == 1
    assert log.more(2) == []
