"""How much of a long event log is read."""

from __future__ import annotations

import pytest

from labkit_services.jetstream.event_follower import _HISTORY_BYTES, _beyond


@pytest.mark.parametrize(
    ("messages", "size", "skipped"),
    [(0, 0, 0), (10, _HISTORY_BYTES, 0), (1000, 2 * _HISTORY_BYTES, 500), (1000, 10 * _HISTORY_BYTES, 900)],
)
def test_only_the_end_of_a_long_event_log_is_read(messages: int, size: int, skipped: int) -> None:
    assert _beyond(messages, size) == skipped
