from __future__ import annotations

import pytest

from labkit.errors import NotAvailableError, VerificationError
from labkit.views.claims import confirmed


def unknown() -> bool:
    raise NotAvailableError("faults: not available here")


def test_claims_that_hold_are_confirmed() -> None:
    assert repr(confirmed({"one is one": True, "and two": lambda: 2 > 1})) == "yes one is one\nyes and two"


def test_what_cannot_be_known_is_marked() -> None:
    assert repr(confirmed({"one": True, "two": unknown})) == "yes                one\nnot available here two"


def test_one_that_does_not_hold_is_an_error_that_lists_all() -> None:
    with pytest.raises(VerificationError, match=r"1 of 2 claims do not hold here\.") as error:
        confirmed({"one": True, "two": lambda: False})
    assert error.value.seen == "yes one\nNO  two"
    assert error.value.next_step
