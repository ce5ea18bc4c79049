"""JSON from outside, however it is made."""

from __future__ import annotations

import sys
import threading

import pytest

from labkit_services.contract.json_input import MAX_DEPTH, InvalidJsonError, read_json

NESTED = {
    "60,000 arrays": b"[" * 60_000,
    "closed": b"[" * 60_000 + b"]" * 60_000,
    "objects": b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
    "both": b'[{"a":' * 500 + b"1" + b"}]" * 500,
    "just too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}
INVALID = {
    "empty": b"",
    "no JSON": b"hello",
    "NaN": b'{"a": NaN}',
    "Infinity": b"-Infinity",
    "a long number": b"9" * 100_000,
    "no UTF-8": b'"\xff"',
    "a surrogate as bytes": b'"\xed\xa0\x80"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "two documents": b"{}{}",
    "a control character": b'"a\nb"',
}


@pytest.mark.parametrize("data", [*NESTED.values(), *INVALID.values()], ids=[*NESTED, *INVALID])
def test_whatever_is_wrong_is_one_kind_of_error_in_one_line(data: bytes) -> None:
    with pytest.raises(InvalidJsonError) as caught:
        read_json(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_depth_does_not_depend_on_python_s_limit() -> None:
    allowed = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    results: list[object] = []

    def read() -> None:
        for data in (allowed, NESTED["closed"], NESTED["just too deep"]):
            try:
                results.append(read_json(data))
            except InvalidJsonError:
                results.append(None)

    old = sys.getrecursionlimit()
    threading.stack_size(256 * 1024 * 1024)
    try:
        sys.setrecursionlimit(200_000)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(old)
        threading.stack_size(0)
    assert [result is not None for result in results] == [True, False, False]


def test_brackets_in_text_do_not_count() -> None:
    assert read_json(b'["' + b"[" * 1000 + b'"]') == ["[" * 1000]
    assert len(read_json(b"[" + b"{}," * 1000 + b"{}]")) == 1001


def test_the_last_field_of_a_name_counts_as_in_go() -> None:
    assert read_json(b'{"a": 1, "a": 2}') == {"a": 2}


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert read_json(rb'{"a\ud800": ["\udc00x", "\ud83d\ude00"]}') == {"a�": ["�x", "😀"]}
