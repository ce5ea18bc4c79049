"""Regular expressions of ``--regex``; the expected values are those of Go 1.19's ``regexp``."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.faas_cli.go_regexp import RegexpError, compile_go
from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack, select

NAMES = ("a", "fn-1", "long-task", "A", "1", "a_b")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("", NAMES),
        ("a", ("a", "long-task", "a_b")),
        ("^a$", ("a",)),
        (r"a\z", ("a",)),
        ("[[:digit:]]", ("fn-1", "1")),
        ("^[[:^digit:]]+$", ("a", "long-task", "A", "a_b")),
        (r"\pL-", ("fn-1", "long-task")),
        (r"^\p{Lu}$", ("A",)),
        (r"\Qfn-\E\d", ("fn-1",)),
        (r"^\x{61}$", ("a",)),
        ("(?P<name>a)_", ("a_b",)),
        ("(?<name>a)_", ("a_b",)),
        ("^(?i)A$", ("a", "A")),
        ("x|(?i)A$|y", ("a", "A")),
        ("(?U)a+", ("a", "long-task", "a_b")),
        ("^*1", ("fn-1", "1")),
        ("a{0}1", ("fn-1", "1")),
        ("a{", ()),
        ("[a&&b]_", ("a_b",)),
    ],
)
def test_an_expression_matches_as_in_go(expression: str, names: tuple[str, ...]) -> None:
    assert tuple(name for name in NAMES if compile_go(expression).search(name)) == names


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("a(", "missing closing ): `a(`"),
        ("a)b", "unexpected ): `a)b`"),
        ("a[b", "missing closing ]: `[b`"),
        ("a*|*", "missing argument to repetition operator: `*`"),
        ("(+?a", "missing argument to repetition operator: `+?`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*?*", "invalid nested repetition operator: `*?*`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a(?!b)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?P<>a)", "invalid named capture: `(?P<>`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\y", r"invalid escape sequence: `\y`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_an_expression_that_go_refuses_is_an_error_in_its_words(expression: str, error: str) -> None:
    with pytest.raises(RegexpError) as caught:
        compile_go(expression)

    assert str(caught.value) == f"error parsing regexp: {error}"


def test_the_error_is_one_of_the_stack_file() -> None:
    functions = parse_stack("provider: {name: openfaas}\nfunctions: {a: {}}").functions

    with pytest.raises(StackFileError, match="error parsing regexp: missing closing ]"):
        select(functions, regex="a[b")
