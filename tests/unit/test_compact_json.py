"""JSON between our own services: by orjson and by the standard library, which must agree."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from labkit_services.contract import compact_json
from labkit_services.contract.compact_json import decode, encode, encode_bytes, standard_encode

VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**64 - 1)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(some.characters(exclude_categories=())),  # lone surrogates, too
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner) | some.tuples(inner, inner),
    max_leaves=10,
)


class Kind(StrEnum):
    """A text with a name, as in events."""

    ONE = "one"


@pytest.fixture(params=["orjson", "standard library"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "standard library":
        monkeypatch.setattr(compact_json, "orjson", None)


@given(VALUES)
def test_both_libraries_write_and_read_the_same(value: Any) -> None:
    plain = json.loads(json.dumps(value))
    for text in (encode(value), encode_bytes(value), standard_encode(value)):
        assert json.loads(text) == plain
        assert decode(text) == plain


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.5, None, True]}, '{"a":[1,2.5,null,true]}'),
        (("x", Kind.ONE), '["x","one"]'),
        ("灯", '"\\u706f"'),
        ("\ud800", '"\\ud800"'),
        (2**70, "1180591620717411303424"),
        ({1: "a key that is no text"}, '{"1":"a key that is no text"}'),
    ],
)
def test_a_value_is_one_line_of_ascii(value: Any, text: str) -> None:
    assert encode(value) == text
    assert json.loads(encode_bytes(value)) == json.loads(text)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("text", ["", "{", "[1,]", b"\xff", "nothing"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(json.JSONDecodeError if text != b"\xff" else UnicodeDecodeError):
        decode(text)
