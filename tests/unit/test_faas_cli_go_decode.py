"""A gateway's JSON, read as Go's ``json.Unmarshal``: texts measured with Go 1.19."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.faas_cli.go_decode import FUNCTION_STATUS, DecodeError, ListOf, decode

_INVALID = "invalid character"

NOT_JSON = {
    "": "unexpected end of JSON input",
    "[": "unexpected end of JSON input",
    "[1": "unexpected end of JSON input",
    "[1,": "unexpected end of JSON input",
    "{": "unexpected end of JSON input",
    '{"a"': "unexpected end of JSON input",
    '{"a":': "unexpected end of JSON input",
    '{"a":1': "unexpected end of JSON input",
    '{"a":1,': "unexpected end of JSON input",
    '"abc': "unexpected end of JSON input",
    "truex": f"{_INVALID} 'x' after top-level value",
    "[{}] x": f"{_INVALID} 'x' after top-level value",
    "<html>": f"{_INVALID} '<' looking for beginning of value",
    "[1,]": f"{_INVALID} ']' looking for beginning of value",
    "[NaN]": f"{_INVALID} 'N' looking for beginning of value",
    "[1 2]": f"{_INVALID} '2' after array element",
    "[01]": f"{_INVALID} '1' after array element",
    '{"a" 1}': f"{_INVALID} '1' after object key",
    "{a:1}": f"{_INVALID} 'a' looking for beginning of object key string",
    '{"a":1,}': f"{_INVALID} '}}' looking for beginning of object key string",
    '{"a":1 "b":2}': f"{_INVALID} '\"' after object key:value pair",
    '"a\nb"': f"{_INVALID} '\\n' in string literal",
    r'"\x"': f"{_INVALID} 'x' in string escape code",
    "[" * 11000: f"{_INVALID} '[' exceeded max depth",
}

_VALUE = "into Go value of type"
_FIELD = "into Go struct field FunctionStatus."

NOT_FUNCTIONS = {
    "{}": f"object {_VALUE} []types.FunctionStatus",
    '"x"': f"string {_VALUE} []types.FunctionStatus",
    "1": f"number {_VALUE} []types.FunctionStatus",
    "true": f"bool {_VALUE} []types.FunctionStatus",
    "[1]": f"number {_VALUE} types.FunctionStatus",
    "[[]]": f"array {_VALUE} types.FunctionStatus",
    '[{"name":1}]': f"number {_FIELD}name of type string",
    '[{"name":true}]': f"bool {_FIELD}name of type string",
    '[{"name":{}}]': f"object {_FIELD}name of type string",
    '[{"labels":{"a":1}}]': f"number {_FIELD}labels of type string",
    '[{"labels":[1]}]': f"array {_FIELD}labels of type map[string]string",
    '[{"secrets":"x"}]': f"string {_FIELD}secrets of type []string",
    '[{"secrets":[1]}]': f"number {_FIELD}secrets of type string",
    '[{"replicas":-1}]': f"number -1 {_FIELD}replicas of type uint64",
    '[{"replicas":1.5}]': f"number 1.5 {_FIELD}replicas of type uint64",
    '[{"replicas":"1"}]': f"string {_FIELD}replicas of type uint64",
    '[{"readOnlyRootFilesystem":1}]': f"number {_FIELD}readOnlyRootFilesystem of type bool",
    '[{"limits":1}]': f"number {_FIELD}limits of type types.FunctionResources",
    '[{"limits":{"memory":1}}]': f"number {_FIELD}limits.memory of type string",
}


@pytest.mark.parametrize(("text", "message"), NOT_JSON.items(), ids=lambda text: repr(text[:30]))
def test_what_is_not_json_has_go_s_message(text: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(text.encode(), ListOf(FUNCTION_STATUS))

    assert str(caught.value) == message


@pytest.mark.parametrize(("text", "message"), NOT_FUNCTIONS.items(), ids=lambda text: repr(text[:30]))
def test_json_of_another_shape_has_go_s_message(text: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(text.encode(), ListOf(FUNCTION_STATUS))

    assert str(caught.value) == f"json: cannot unmarshal {message}"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
def test_a_number_that_is_too_large_is_an_error(number: str) -> None:
    with pytest.raises(DecodeError):
        decode(f'[{{"invocationCount":{number}}}]'.encode(), ListOf(FUNCTION_STATUS))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("null", None),
        ("[]", []),
        ("[null]", [""]),
        ("[{}]", [""]),
        ('[{"name":null}]', [""]),
        ('[{"NAME":"x"}]', ["x"]),
        ('[{"name":"\\ud800"}]', ["\ufffd"]),
        ('[{"name":"a","unknown":[{}]}]', ["a"]),
    ],
)
def test_what_is_missing_has_go_s_zero_value(text: str, names: list[str] | None) -> None:
    found = decode(text.encode(), ListOf(FUNCTION_STATUS))

    assert (found and [each["name"] for each in found]) == names
