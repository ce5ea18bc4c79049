"""``faas-cli invoke``'s headers, query and signature."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.faas_cli.verbs.invoke import parse_header, parse_query
from labkit.openfaas_cli.pflag import UsageError

URL = "http://gateway:8080/function/notify?a=b"


@pytest.mark.parametrize(
    ("text", "name", "value", "form"),
    [
        ("K: V", "K", "V", ":"),
        ("K:V", "K", "V", ":"),
        ("K : V", "K", "V", ":"),
        ("K=V", "K", "V", "="),
        ("K = V", "K", "V", "="),
        ("K=a=b", "K", "a=b", "="),
        ("K: a:b", "K", "a:b", ":"),
        ("content-type: text/plain", "Content-Type", "text/plain", ":"),
        ("x-CALL-id: 1", "X-Call-Id", "1", ":"),
        (f"X-Callback-Url: {URL}", "X-Callback-Url", URL, ":"),
        (f"X-Callback-Url={URL}", "X-Callback-Url", URL, "="),
        (f"X-Callback-Url {URL}", "X-Callback-Url", URL, " "),
        (
            "X-Callback-Url http://requestbin.com/r/1i7i1we1",
            "X-Callback-Url",
            "http://requestbin.com/r/1i7i1we1",
            " ",
        ),
        ("X-Foo bar", "X-Foo", "bar", " "),
        ("K: ü", "K", "ü", ":"),
    ],
)
@pytest.mark.row("4.5 header forms")
def test_every_header_form_in_use_is_parsed(text: str, name: str, value: str, form: str) -> None:
    assert parse_header(text) == (name, value, form)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "or 'key=value'$"),
        ("K", "or 'key=value'$"),
        ("K:", "empty value"),
        ("K=", "empty value"),
        (": V", "empty key"),
        ("=V", "empty key"),
        ("K/L: V", "must take the form of 'Key: Value' or 'key=value'"),
        ("K: a\r\nEvil: b", "invalid header field value"),
    ],
)
@pytest.mark.row("4.5 header forms")
def test_an_invalid_header_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_header(text)


def test_query_pairs_are_sorted_by_name_only() -> None:
    assert parse_query(["b=2", "a=3", "a=1=x"]) == [("a", "3"), ("a", "1=x"), ("b", "2")]


@pytest.mark.parametrize("text", ["a", "=b", "a="])
def test_a_query_that_is_not_a_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--query flag must take the form of key=value"):
        parse_query([text])
