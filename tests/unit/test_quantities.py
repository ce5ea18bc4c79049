"""Amounts of memory and CPU in the notation of Kubernetes."""

from __future__ import annotations

import pytest

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5Mi", 5 * 1024**2),
        ("128M", 128_000_000),
        ("1Gi", 1024**3),
        ("1.5Ki", 1536),
        ("500k", 500_000),
        ("128974848", 128_974_848),
        ("1e6", 1_000_000),
        ("12E3", 12_000),
        ("1E", 1e18),
        ("100m", 0.1),
        ("0.5", 0.5),
        (".5", 0.5),
    ],
)
def test_a_quantity_is_parsed(text: str, amount: float) -> None:
    assert parse_quantity(text) == pytest.approx(amount)


@pytest.mark.parametrize(
    "text", ["", "lots", "5 Mi", "-1", "5mi", "5KB", "1e", "1e999", "nan", "9" * 40, "٣"]
)
def test_an_invalid_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_quantity(text)
