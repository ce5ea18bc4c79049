"""Flags, parsed like Go's pflag, which faas-cli and kubectl use."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError, parse

FLAGS = (
    Flag("name", "n", "nobody", ""),
    Flag("quiet", "q", False, ""),
    Flag("tail", "t", True, ""),
    Flag("lines", "", -1, ""),
    Flag("header", "H", [], ""),
)


def read(*arguments: str) -> Arguments:
    return parse(FLAGS, arguments)


def test_without_flags_the_defaults_apply() -> None:
    given = read("word")

    assert given.words == ["word"]
    assert (
        given.text("name"),
        given.on("quiet"),
        given.on("tail"),
        given.number("lines"),
        given.texts("header"),
    ) == (
        "nobody",
        False,
        True,
        -1,
        [],
    )
    assert not given.given("name")


@pytest.mark.parametrize(
    "arguments",
    [("--name", "me"), ("--name=me",), ("-n", "me"), ("-nme",), ("-n=me",), ("-qn", "me"), ("-qnme",)],
)
def test_a_value_is_parsed_in_every_form(arguments: tuple[str, ...]) -> None:
    given = read(*arguments)

    assert given.text("name") == "me"
    assert given.given("name")


@pytest.mark.parametrize(
    ("arguments", "on"),
    [
        (["--tail"], True),
        (["--tail=false"], False),
        (["-t=false"], False),
        (["--tail=0"], False),
        (["-t"], True),
    ],
)
def test_a_boolean_flag_takes_a_value_only_after_an_equals_sign(arguments: list[str], on: bool) -> None:
    given = read(*arguments, "fn")

    assert given.on("tail") is on
    assert given.words == ["fn"]


def test_a_value_may_look_like_a_flag_or_contain_an_equals_sign() -> None:
    given = read("--name", "-x", "-H", "a=b=c")

    assert given.text("name") == "-x"
    assert given.texts("header") == ["a=b=c"]


@pytest.mark.parametrize("value", ["--tail=false", "-n=x", "--header=a"])
def test_a_value_may_look_like_a_flag_with_a_value(value: str) -> None:
    given = read("--name", value, "fn")

    assert (given.text("name"), given.words, given.on("tail")) == (value, ["fn"], True)


@pytest.mark.parametrize("empty", ["-n=", "--name="])
def test_nothing_after_an_equals_sign_is_an_empty_value(empty: str) -> None:
    given = read(empty, "fn")

    assert (given.text("name"), given.words) == ("", ["fn"])


def test_a_list_grows_and_its_default_stays_empty() -> None:
    assert read("-H", "a", "--header", "b", "-Hc").texts("header") == ["a", "b", "c"]
    assert read().texts("header") == []


def test_a_number_may_be_negative() -> None:
    assert read("--lines", "-5").number("lines") == -5


def test_two_dashes_end_the_flags_and_one_dash_is_a_word() -> None:
    given = read("a", "-", "--", "--name", "b")

    assert given.words == ["a", "-", "--name", "b"]


def test_flags_may_follow_words() -> None:
    assert read("fn", "-q").on("quiet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nothing"], "unknown flag: --nothing"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-qx"], "unknown shorthand flag: 'x' in -qx"),
        (["--name"], "flag needs an argument: --name"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (["--lines=many"], 'invalid argument "many" for "--lines" flag'),
        (["--tail=maybe"], 'invalid argument "maybe" for "-t, --tail" flag'),
        (["--tail=yes"], 'invalid argument "yes" for "-t, --tail" flag'),
    ],
)
def test_an_invalid_flag_is_reported_in_the_words_of_pflag(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*arguments)

    assert caught.value.headline == message
