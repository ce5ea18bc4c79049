"""Variables in a Dockerfile: $NAME, ENV and ARG.

The expected values are those of BuildKit's own tests of its shell lexer
(moby/buildkit, frontend/dockerfile/shell/lex_test.go), or follow from
dockerfile2llb/convert.go.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from dockerfile_build import Project

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.variables import Variables

VALUES = {"FOO": "xxyy", "EMPTY": "", "URL": "http://a/b", "PATHS": "/tmp/tmp/bar.txt", "STARS": "a***yy*"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("$FOO", "xxyy"),
        ("${FOO}", "xxyy"),
        ("$FOOL", ""),
        ("a${FOO}b", "axxyyb"),
        ("$FOO.txt", "xxyy.txt"),
        ("$", "$"),
        ("a$", "a$"),
        ("$/x", "$/x"),
        ("$1x", "x"),
        ("$NONE", ""),
        ("${V:-d}", "d"),
        ("${FOO:-d}", "xxyy"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${V-d}", "d"),
        ("${V:-}", ""),
        ("${V:-a b}", "a b"),
        ("${V:-${W:-deep}}", "deep"),
        ("${V:-$FOO}", "xxyy"),
        ("${V:-{}}", "{}"),
        ('${V:-"a}b"}', "a}b"),
        ("${FOO:+w}", "w"),
        ("${EMPTY:+w}", ""),
        ("${EMPTY+w}", "w"),
        ("${V+w}", ""),
        ("${FOO?e}", "xxyy"),
        ("${EMPTY?e}", ""),
        ("${FOO#x}", "xyy"),
        ("${FOO#*x}", "xyy"),
        ("${FOO##*x}", "yy"),
        ("${FOO#}", "xxyy"),
        ("${FOO#*x*y}", "y"),
        ("${FOO%y}", "xxy"),
        ("${FOO%y*}", "xxy"),
        ("${FOO%%y*}", "xx"),
        ("${FOO%x}", "xxyy"),
        (r"${STARS%%\**\*}", "a"),
        ("${URL#http://}", "a/b"),
        ("${FOO/x/z}", "zxyy"),
        ("${FOO//x/z}", "zzyy"),
        ("${FOO/?/}", "xyy"),
        ("${FOO///}", "xxyy"),
        ("${PATHS/\\/tmp/}", "/tmp/bar.txt"),
        ("${PATHS//\\/tmp/}", "/bar.txt"),
        (r"\$FOO", "$FOO"),
        (r"\${FOO}", "${FOO}"),
        ("'$FOO'", "$FOO"),
        ("'${V:-d}'", "${V:-d}"),
        ('"$FOO"', "xxyy"),
        (r'"\$FOO"', "$FOO"),
        ("\"'$FOO'\"", "'xxyy'"),
        (r"'\n'", r"\n"),
        (r'"\n"', r"\n"),
        (r"\n", "n"),
        (r"a\ b", "a b"),
        ("$FOO'$FOO'\"$FOO\"", "xxyy$FOOxxyy"),
    ],
)
def test_a_word_is_expanded_as_in_buildkit(word: str, expected: str) -> None:
    assert Variables("\\", VALUES).expand(word) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("${FOO", "syntax error: missing '}'"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${:-d}", "syntax error: bad substitution"),
        ("${{FOO}}", "syntax error: bad substitution"),
        ("${FOO:-d", "syntax error: missing '}'"),
        ("${FOO=d}", "unsupported modifier (=) in substitution"),
        ("${FOO:=d}", "unsupported modifier (:=) in substitution"),
        ("${FOO:#x}", "unsupported modifier (:#) in substitution"),
        ("${FOO:0:7}", "unsupported modifier (:0) in substitution"),
        ("${FOO^^}", "unsupported modifier (^) in substitution"),
        ("${FOO//x}", "syntax error: missing '/' in ${}"),
        ("${FOO#\\x}", "invalid escape"),
        ("${V?}", "V: is not allowed to be unset"),
        ("${V?say $FOO}", "V: say xxyy"),
        ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
        ("'open", "unexpected end of statement while looking for matching single-quote"),
        ('"open', "unexpected end of statement while looking for matching double-quote"),
    ],
)
def test_a_word_that_buildkit_refuses_is_an_error(word: str, reason: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        Variables("\\", VALUES).expand(word)

    assert caught.value.headline.startswith("failed to process ")
    assert reason in caught.value.headline


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('ENV fprocess="${V:-d}"', "d"),
        ('ENV V=x\nENV fprocess="${V:-d}"', "x"),
        ("ENV fprocess=${V:-wc} ", "wc"),
        ("ENV fprocess ${V:-wc} -l", "wc -l"),
        ('ENV fprocess="sleep ${V:-1}"', "sleep 1"),
    ],
)
def test_a_default_in_env_is_the_process(project: Project, lines: str, expected: str) -> None:
    """``${V:-d}`` was ``:-d}`` once."""
    assert project.build(f"FROM alpine\n{lines}\n").fprocess == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ENV a=b c=d", {"a": "b", "c": "d"}),
        ("ENV a b c", {"a": "b c"}),
        ("ENV a  b  c", {"a": "b  c"}),
        ("ENV a\tb", {"a": "b"}),
        ("ENV a b=c d", {"a": "b=c d"}),
        ("ENV a=b=c", {"a": "b=c"}),
        ("ENV a=", {"a": ""}),
        ('ENV a="" b', None),
        ("ENV a=\"b c\" d='e f'", {"a": "b c", "d": "e f"}),
        ("ENV a=b\\ c", {"a": "b c"}),
        ('ENV a="b\\"c"', {"a": 'b"c'}),
        ("ENV a=http://x/?b=c&d=#e", {"a": "http://x/?b=c&d=#e"}),
        ("ENV a=1 b=$a", {"a": "1", "b": ""}),
        ("ENV a=1\nENV a=2 b=$a", {"a": "2", "b": "1"}),
        ("ENV a=1\nENV ${a}x=2", {"a": "1", "1x": "2"}),
        ("ENV a=b \\\n    c=d", {"a": "b", "c": "d"}),
        ("ENV a=b \\\n# a comment\n    c=d", {"a": "b", "c": "d"}),
        ("ENV a=b \\\n  # an indented comment\n\n    c=d", {"a": "b", "c": "d"}),
        ("ENV a=b \\   \n    c=d", {"a": "b", "c": "d"}),
        ('ENV a="b \\\n c"', {"a": "b  c"}),
        ("env a=b", {"a": "b"}),
        ("ENV ünï=é", {"ünï": "é"}),
    ],
)
def test_env_reads_its_forms(project: Project, lines: str, expected: dict[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(DockerfileError, match="can't find = in"):
            project.env(lines)
    else:
        assert project.env(lines) == expected


def test_another_escape_character_continues_a_line_and_escapes(project: Project) -> None:
    built = project.build("# escape=`\nFROM alpine\nENV a=C:\\dir `\n  b=`$a\n")

    assert built.environment == {"a": "C:\\dir", "b": "$a"}


@pytest.mark.parametrize(
    ("lines", "build_args", "expected"),
    [
        ("ARG V=3\nENV R=$V", {}, "3"),
        ("ARG V=3\nENV R=$V", {"V": "9"}, "9"),
        ("ARG V\nENV R=${V-unset}", {}, "unset"),
        ("ARG V\nENV R=$V", {"V": "9"}, "9"),
        ("ARG V=\nENV R=${V-unset}", {}, ""),
        ("ENV R=${V-unset}\nARG V=3", {}, "unset"),
        ("ENV R=${V-unset}", {"V": "9"}, "unset"),
        ("ARG V=1 W=${V}2\nENV R=$W", {}, "12"),
        ("ARG V=1\nARG V=2\nENV R=$V", {}, "2"),
        ("ARG V=1\nENV V=2\nENV R=$V", {"V": "9"}, "2"),
        ("ENV V=2\nARG V=1\nENV R=$V", {}, "1"),
        ('ARG V="a b"\nENV R=$V', {}, "a b"),
        ("ARG V='$x'\nENV R=$V", {}, "$x"),
        ("ARG HTTP_PROXY\nENV R=${HTTP_PROXY-unset}", {"HTTP_PROXY": "p"}, "p"),
        ("ENV R=${HTTP_PROXY-unset}", {"HTTP_PROXY": "p"}, "unset"),
        ("ENV R=${TARGETOS-unset}", {}, "unset"),
        ("ARG TARGETOS\nENV R=${TARGETOS-unset}", {}, "linux"),
        ("ARG TARGETOS=x\nENV R=${TARGETOS-unset}", {}, "x"),
        ("ARG TARGETOS\nENV R=$TARGETOS", {"TARGETOS": "mine"}, "mine"),
    ],
)
def test_arg_is_a_variable_of_the_lines_below_it(
    project: Project, lines: str, build_args: dict[str, str], expected: str
) -> None:
    assert project.env(lines, **build_args)["R"] == expected


def test_an_arg_after_an_env_hides_it_while_the_image_is_built(project: Project) -> None:
    assert project.env("ENV V=2\nARG V=1\nENV R=$V") == {"V": "2", "R": "1"}


def test_an_arg_is_not_in_the_image(project: Project) -> None:
    assert project.env("ARG V=1") == {}


def test_an_arg_before_from_needs_an_arg_in_the_stage(project: Project) -> None:
    text = "ARG V=1\nARG W=${V}2\nFROM alpine:$V\nENV A=${V-unset}\nARG V\nARG W\nENV B=$V C=$W\n"

    assert project.build(text).environment == {"A": "unset", "B": "1", "C": "12"}
    assert project.build(text, V="9").environment == {"A": "unset", "B": "9", "C": "92"}


def test_a_default_in_the_stage_wins_over_an_arg_before_from(project: Project) -> None:
    assert project.build("ARG V=1\nFROM alpine\nARG V=2\nENV R=$V\n").environment == {"R": "2"}


def test_an_arg_ends_with_its_stage_and_goes_on_in_stages_built_on_it(project: Project) -> None:
    text = "FROM alpine AS a\nARG V=1\nFROM {base}\nENV R=${{V-unset}}\n"

    assert project.build(text.format(base="alpine")).environment == {"R": "unset"}
    assert project.build(text.format(base="a")).environment == {"R": "1"}


def test_path_keeps_a_placeholder_for_the_machine_path(project: Project) -> None:
    assert project.env('ENV PATH="/home/app/bin:$PATH"')["PATH"] == "/home/app/bin:$PATH"


def test_labels_are_read_like_env(project: Project) -> None:
    built = project.build('FROM alpine\nARG V=1\nLABEL a="b c" d=$V\nLABEL "e.f"="g"\nLABEL h i j\n')

    assert built.labels == {"a": "b c", "d": "1", "e.f": "g", "h": "i j"}
