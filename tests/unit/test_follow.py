"""How much of a long past is read."""

from __future__ import annotations

import pytest

from labkit_services.jetstream.event_follower import HISTORY_BYTES, messages_to_fetch, messages_to_skip


@pytest.mark.parametrize(
    ("messages", "size", "skipped"),
    [(0, 0, 0), (10, HISTORY_BYTES, 0), (1000, 2 * HISTORY_BYTES, 500), (1000, 10 * HISTORY_BYTES, 900)],
)
def test_only_the_end_of_a_long_record_is_read(messages: int, size: int, skipped: int) -> None:
    assert messages_to_skip(messages, size) == skipped


@pytest.mark.parametrize(
    ("messages", "size", "fetched"),
    [(0, 0, 100), (1000, 1000 * 250, 100), (1000, 1000 * 40_000, 26), (3, 3 * 8 * 1024 * 1024, 1)],
)
def test_about_a_megabyte_is_fetched_at_once(messages: int, size: int, fetched: int) -> None:
    assert messages_to_fetch(messages, size) == fetched
