"""The lab's state is parsed as ``json.loads`` parses it, with and without CPython's ``_json``."""

from __future__ import annotations

import json
import sys

import pytest

from labkit.state_file import parse_json

TEXTS = [
    '{"pid": 1, "url": "http://127.0.0.1:8080", "password": "ü\\"\\u00e9\\ud800", "none": null}',
    '{"nested": {"list": [true, false, -1e9, NaN, Infinity]}}',
    "{}",
    "[]",
    "null",
    '"text"',
]


@pytest.fixture(params=["_json", "json"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "_json", None)  # an import of it fails


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", TEXTS)
def test_a_state_is_parsed_as_json(text: str) -> None:
    assert repr(parse_json(text)) == repr(json.loads(text))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ["", "{", '{"a": 1', '{"a": 1}x', '{"a": "\n"}', "{'a': 1}", "nul"])
def test_a_text_that_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra|Invalid|Unterminated"):
        parse_json(text)
