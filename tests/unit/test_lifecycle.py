"""Errors of a start, and deadlines, without a lab."""

from __future__ import annotations

import asyncio

import pytest

from labkit.errors import LabStartError
from labkit.lab.background_loop import background_loop
from labkit_services.contract.errors import LabTimeoutError


def test_waiting_has_a_deadline() -> None:
    with pytest.raises(LabTimeoutError):
        background_loop().run(asyncio.sleep(30), 0.05)


def test_a_start_error_survives_the_round_trip_through_json() -> None:
    from labkit.errors import error_from_json, error_to_json

    error = LabStartError("a", expected="b", seen="c", log=["d"], next_step="e")
    again = error_from_json(error_to_json(error))

    assert type(again) is LabStartError
    assert str(again) == str(error)
