"""The store's files: readable blocks, the inventory, the meaning of errors."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from labkit.supervisor.store import inventory
from labkit.supervisor.store.blocks import unreadable_bytes
from labkit.supervisor.store.disk import explain, named_errno
from labkit.supervisor.store.inventory import StreamContent
from labkit_services.contract.write_probe import probe_request, reason_of, write_error


def record(sequence: int, subject: bytes = b"q", message: bytes = b"hello", flag: int = 0) -> bytes:
    length = 22 + len(subject) + len(message) + 8
    header = struct.pack("<IQqH", length | flag << 31, sequence, 0, len(subject))
    return header + subject + message + bytes(8)


WHOLE = record(1) + record(2, flag=1) + record(3, b"", b"")


@pytest.mark.parametrize("size", range(len(WHOLE) + 1))
def test_a_block_that_was_cut_is_readable_up_to_the_cut(size: int) -> None:
    ends = (0, len(record(1)), len(record(1) + record(2)), len(WHOLE))
    readable = max(end for end in ends if end <= size)
    assert unreadable_bytes(WHOLE[:size]) == size - readable


@pytest.mark.parametrize("tail", [bytes(100), b"\xff" * 100, b"\x01" * 30])
def test_a_block_is_readable_up_to_its_first_bad_length(tail: bytes) -> None:
    assert unreadable_bytes(WHOLE + tail) == len(tail)


def test_losses_are_counted_by_what_is_kept_then_by_the_newest_message() -> None:
    before = {
        "OF_q": StreamContent(5, 9),
        "OF_q_dead": StreamContent(2, 2),
        "KV_functions": StreamContent(3, 3),
        "LAB_EVENTS": StreamContent(0, 40),
        "LAB_RESULTS": StreamContent(0, 7),
    }
    now = {
        "OF_q": StreamContent(1, 9),
        "LAB_EVENTS": StreamContent(0, 30),
        "LAB_RESULTS": StreamContent(0, 7),
    }
    assert inventory.losses(before, now) == [
        "4 of 5 calls in queue q (stream OF_q) are lost",
        "2 of 2 dead letters of queue q (stream OF_q_dead) are lost",
        "3 of 3 deployed functions (stream KV_functions) are lost",
        "the newest 10 messages of stream LAB_EVENTS are lost",
    ]
    assert inventory.losses(before, before) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"a": 1}', '{"a": {}}', '{"a": {"kept": 1, "last": 1}}', "[" * 100_000, "\xff"],
)
def test_an_unreadable_inventory_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "inventory.json").write_text(text, encoding="latin-1")
    assert inventory.read(tmp_path / "inventory.json") == {}
    assert inventory.read(tmp_path / "missing.json") == {}


@pytest.mark.parametrize(
    ("code", "headline"),
    [
        (errno.EDQUOT, "The disk quota is used up."),
        (errno.EROFS, "The disk is read-only."),
        (errno.EIO, "The disk reports errors."),
        (errno.EISDIR, ""),
        (errno.EACCES, ""),
    ],
)
def test_an_error_of_the_disk_has_a_headline_and_every_error_a_next_step(code: int, headline: str) -> None:
    found, step = explain(OSError(code, os.strerror(code)), Path("/"))
    assert found == headline
    assert step
    assert named_errno(f"write x: {os.strerror(code).lower()}") == (code if headline else 0)


def test_a_probe_changes_nothing_and_its_answer_is_read() -> None:
    assert probe_request("OF_q", {})[0] == "$JS.API.STREAM.MSG.DELETE.OF_q"
    assert probe_request("KV_b", {"deny_delete": True})[0] == "$JS.API.STREAM.PURGE.KV_b"
    assert write_error(b'{"error":{"description":"no message found"}}') == ""
    assert write_error(b'{"success":true}') == ""
    assert write_error(b'{"error":{"description":"write x: no space left on device"}}').startswith("write x")
    assert write_error(b"") != ""
    assert reason_of("write x: no space left on device") == "The disk is full."


def test_a_changed_byte_inside_a_message_is_not_found() -> None:
    assert unreadable_bytes(WHOLE.replace(b"hello", b"hallo")) == 0
