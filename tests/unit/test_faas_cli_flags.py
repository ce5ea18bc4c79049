"""Flags, parsed like Go's pflag, which faas-cli and kubectl use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError, parse

NO_BOOL = "strconv.ParseBool: parsing"
NO_INT = "strconv.ParseInt: parsing"
SYNTAX = "invalid syntax"


def even(text: str) -> str:
    if int(text) % 2:
        raise ValueError(f"{text} is odd")
    return text


FLAGS = (
    Flag("name", "n", "nobody", ""),
    Flag("quiet", "q", False, ""),
    Flag("tail", "t", True, ""),
    Flag("lines", "", -1, ""),
    Flag("header", "H", [], ""),
    Flag("even", "", "0", "", even),
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


@pytest.mark.parametrize(("empty", "value"), [("--name=", ""), ("-n=", "=")])
def test_nothing_after_an_equals_sign_is_an_empty_value_of_a_long_flag(empty: str, value: str) -> None:
    given = read(empty, "fn")

    assert (given.text("name"), given.words) == (value, ["fn"])


def test_a_list_grows_and_its_default_stays_empty() -> None:
    assert read("-H", "a", "--header", "b", "-Hc").texts("header") == ["a", "b", "c"]
    assert read().texts("header") == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("-5", -5), ("+5", 5), ("0", 0), ("-0", 0), ("0x10", 16), ("-0X1f", -31)),
        *(("0b101", 5), ("0o17", 15), ("010", 8), ("1_000", 1000), ("9223372036854775807", 2**63 - 1)),
    ],
)
def test_a_number_is_written_as_in_go(text: str, number: int) -> None:
    assert read("--lines", text).number("lines") == number


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
        (["-qx"], "unknown shorthand flag: 'x' in -x"),
        (["-qxt"], "unknown shorthand flag: 'x' in -xt"),
        (["-q="], "unknown shorthand flag: '=' in -="),
        (["-é"], "unknown shorthand flag: 'Ã' in -é"),
        (["--é"], "unknown flag: --é"),
        (["---x"], "bad flag syntax: ---x"),
        (["--=x"], "bad flag syntax: --=x"),
        (["--name"], "flag needs an argument: --name"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (["-tn"], "flag needs an argument: 'n' in -n"),
        (["--lines=many"], f'invalid argument "many" for "--lines" flag: {NO_INT} "many": {SYNTAX}'),
        (["--lines", " 5"], f'invalid argument " 5" for "--lines" flag: {NO_INT} " 5": {SYNTAX}'),
        (["--lines="], f'invalid argument "" for "--lines" flag: {NO_INT} "": {SYNTAX}'),
        (["--lines=1.5"], f'invalid argument "1.5" for "--lines" flag: {NO_INT} "1.5": {SYNTAX}'),
        (["--lines=1e3"], f'invalid argument "1e3" for "--lines" flag: {NO_INT} "1e3": {SYNTAX}'),
        (["--lines=--1"], f'invalid argument "--1" for "--lines" flag: {NO_INT} "--1": {SYNTAX}'),
        (["--lines=09"], f'invalid argument "09" for "--lines" flag: {NO_INT} "09": {SYNTAX}'),
        (
            ["--lines=9223372036854775808"],
            'invalid argument "9223372036854775808" for "--lines" flag: '
            f'{NO_INT} "9223372036854775808": value out of range',
        ),
        (["--tail=maybe"], f'invalid argument "maybe" for "-t, --tail" flag: {NO_BOOL} "maybe": {SYNTAX}'),
        (["--tail=yes"], f'invalid argument "yes" for "-t, --tail" flag: {NO_BOOL} "yes": {SYNTAX}'),
        (["--tail="], f'invalid argument "" for "-t, --tail" flag: {NO_BOOL} "": {SYNTAX}'),
        (
            ['-t="\n'],
            f'invalid argument "\\"\\n" for "-t, --tail" flag: {NO_BOOL} "\\"\\n": {SYNTAX}',
        ),
        (["--even=3"], 'invalid argument "3" for "--even" flag: 3 is odd'),
    ],
)
def test_an_invalid_flag_is_reported_in_the_words_of_pflag(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*arguments)

    assert caught.value.headline == message


# -- the command a command line is for; measured with cobra 1.6.1 and a tree of the same commands


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")

    def run(*words: str) -> tuple[int, str]:
        code = main(words)
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("-f x.yaml deploy --help", "deploy"),
        ("--yaml=x deploy --help", "deploy"),
        ("-fx.yaml deploy --help", "deploy"),
        ("--gateway URL list --help", "list"),
        ("-g URL namespace list --help", "namespace list"),
        ("namespace -g URL list --help", "namespace list"),
        ("namespace -g list list --help", "namespace list"),
        ("-g list list -h", "list"),
        ("-v=true list -h", "list"),
        ("-n dev list -hq", "list"),
        ("--filter x* deploy -e A=1,B=2 -h", "deploy"),
        ("namespace list --help extra", "namespace list"),
        ("list list -h", "list"),
        ("rm x -h", "remove"),
        ("help namespace list", "namespace list"),
        ("help list extra", "list"),
        ("store", "store"),
        ("store bogus", "store"),
        ("secret creat", "secret"),
        ("", ""),
        ("-f list", ""),
        ("--help", ""),
        ("--help list", ""),  # cobra takes the word for the value of a flag it does not know yet
        ("-h list", ""),
        ("-- list", ""),
        ("help", ""),
    ],
)
def test_flags_before_the_subcommand_belong_to_it(
    run: Callable[..., tuple[int, str]], line: str, command: str
) -> None:
    code, printed = run(*line.split())

    assert code == 0
    assert f"Usage:\n  {' '.join(['faas-cli', *command.split()])} " in printed


MEANT = "\n\nDid you mean this?\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("-q list", "Unknown shorthand flag: 'q' in -q"),
        ("--quiet list", "Unknown flag: --quiet"),
        ("store --json list", "Unknown flag: --json"),
        ("store bogus --x", "Unknown flag: --x"),
        ("list --bogus --help", "Unknown flag: --bogus"),
        ("list --help --bogus", "Unknown flag: --bogus"),
        ("--bogus list -q", "Unknown flag: --bogus"),
        ("-hx", "Unknown shorthand flag: 'x' in -x"),
        ("-f", "Flag needs an argument: 'f' in -f"),
        ("--regex", "Flag needs an argument: --regex"),
        ("invoke -f", "Flag needs an argument: 'f' in -f"),
        ("list --help=x", f'Invalid argument "x" for "-h, --help" flag: {NO_BOOL} "x": {SYNTAX}'),
        ("help --bogus", "Unknown flag: --bogus"),
        ("fly", 'Unknown command "fly" for "faas-cli"'),
        ("fly --bogus", 'Unknown command "fly" for "faas-cli"'),
        ("lst", f'Unknown command "lst" for "faas-cli"{MEANT}\tlist\n'),
        ("List", f'Unknown command "List" for "faas-cli"{MEANT}\tlist\n'),
        ("verison", f'Unknown command "verison" for "faas-cli"{MEANT}\tversion\n'),
        ("stores", f'Unknown command "stores" for "faas-cli"{MEANT}\tstore\n'),
        ("dep", f'Unknown command "dep" for "faas-cli"{MEANT}\tdeploy\n\tnew\n\tup\n'),
        ("p", f'Unknown command "p" for "faas-cli"{MEANT}\tplugin\n\tpublish\n\tpush\n\tup\n'),
        ("-vn dev list", f'Unknown command "dev" for "faas-cli"{MEANT}\tnew\n'),
        ("namspaces", f'Unknown command "namspaces" for "faas-cli"{MEANT}\tnamespace\n'),
    ],
)
def test_a_command_line_that_names_no_command_is_reported_in_the_words_of_cobra(
    run: Callable[..., tuple[int, str]], line: str, error: str
) -> None:
    assert run(*line.split()) == (1, f"{error}\n")


def test_help_on_an_unknown_command_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")

    assert main(["help", "bogus"]) == 0

    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("Unknown help topic [`bogus`]\nUsage:\n  faas-cli [flags]\n")
    assert "--help " not in seen.err.partition("Use ")[0]
