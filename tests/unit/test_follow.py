"""How much of a long past is read."""

from __future__ import annotations

import pytest

from labkit_services.jetstream.event_follower import HISTORY_BYTES, messages_to_skip


@pytest.mark.parametrize(
    ("messages", "size", "skipped"),
    [(0, 0, 0), (10, HISTORY_BYTES, 0), (1000, 2 * HISTORY_BYTES, 500), (1000, 10 * HISTORY_BYTES, 900)],
)
def test_only_the_end_of_a_long_record_is_read(messages: int, size: int, skipped: int) -> None:
    assert messages_to_skip(messages, size) == skipped
