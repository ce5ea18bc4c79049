"""The pause of the garbage collector ends with its block."""

from __future__ import annotations

import gc

import pytest

from labkit_services.runtime.garbage_collector import collector_paused


def test_the_collector_goes_on_after_the_block_also_after_an_error() -> None:
    seen = []

    def fail() -> None:
        with collector_paused():
            seen.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert [*seen, gc.isenabled()] == [False, True]


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
