"""What is kept of a process's long standard error."""

from __future__ import annotations

import pytest

from labkit_services.watchdog.pipes import HeadAndTail


def kept(data: bytes) -> bytes:
    both = HeadAndTail()
    for start in range(0, len(data), 65_535):
        both.write(data[start : start + 65_535])
    return both.data()


@pytest.mark.parametrize("text", ["", "a", "a\nb\n", "文" * 50_000])
def test_what_is_short_is_kept_as_it_is(text: str) -> None:
    assert kept(text.encode()) == text.encode()


@pytest.mark.parametrize("character", ["x", "é", "文", "𝄞"])
@pytest.mark.parametrize("shift", ["", "a", "aa", "aaa"])
def test_a_long_text_is_cut_between_characters_and_keeps_its_end(character: str, shift: str) -> None:
    text = shift + character * 400_000 + "last\n"

    head, mark, tail = kept(text.encode()).decode().split("\n", 2)

    assert head == text[: len(head)]
    assert tail == text[-len(tail) :]
    assert mark == f"[... {len(text.encode()) - len((head + tail).encode())} bytes dropped ...]"
    assert len(tail) <= 8193
