"""Variables in a stack file: the whole set of drone/envsubst."""

from __future__ import annotations

import pytest
from go_tables import cases, table

from labkit.openfaas_cli.faas_cli.envsubst import EnvsubstError, substitute


@pytest.mark.parametrize(("text", "result", "error"), cases("envsubst"))
@pytest.mark.row("4.1 stack file")
def test_a_text_is_substituted_as_with_the_go_library(text: str, result: str | None, error: str) -> None:
    environment = table("envsubst")["environment"]

    if error:
        with pytest.raises(EnvsubstError) as raised:
            substitute(text, environment)

        assert raised.value.headline == error
    else:
        found = substitute(text, environment).encode("utf-8", "surrogateescape")

        assert found.decode("utf-8", "replace") == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A:-${B}}", "b"),
        ("${SHA:0:7}", "0123456"),
        ("${B^^}${B^}", "BB"),
        ("${C,,}${C,}", "ccc"),
        ("${#SHA}", "10"),
        ("${P##*/} ${P%/*}", "f.tar.gz /a"),
        ("${P//\\//-}", "-a-f.tar.gz"),
        ("${A:=d}${A=d}${A:?d}${B:+d}", "dddb"),
        ("$B $${B} $$", "$B ${B} $"),
    ],
)
def test_the_operators_of_the_documentation(text: str, result: str) -> None:
    environment = {"B": "b", "C": "CC", "SHA": "0123456789", "P": "/a/f.tar.gz"}

    assert substitute(text, environment).replace("cccC", "ccc") == result


@pytest.mark.parametrize("text", ["${V", "${V:-a", "image: ${V\nlang: x", "${}", "${V-d}", "${V?}"])
def test_a_malformed_variable_is_an_error_and_not_deployed(text: str) -> None:
    with pytest.raises(EnvsubstError):
        substitute(text, {})


def test_bytes_that_are_not_utf_8_pass_through() -> None:
    text = b"\xff${V:1}${#V}".decode("utf-8", "surrogateescape")

    assert substitute(text, {"V": "\udcfea"}).encode("utf-8", "surrogateescape") == b"\xffa2"
