"""Stack files."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_cli_rows.new import WRITTEN as STACK

from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack, select, stack_of, substitute
from labkit.openfaas_cli.faas_cli.stack_file import may_affect_invocation, stack_file
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GLOBAL_FLAGS
from labkit.openfaas_cli.faas_cli.verbs.invoke import gateway_and_namespace
from labkit.openfaas_cli.pflag import Arguments, parse


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(*words: str) -> Arguments:
    return parse([ENVSUBST, *GLOBAL_FLAGS], words)


def test_a_stack_of_faas_cli_new_is_parsed() -> None:
    stack = parse_stack(STACK, Path("folder"))

    assert stack.gateway == "http://127.0.0.1:8080"
    function = stack.functions["long-task"]
    assert (function.lang, function.handler, function.image) == (
        "dockerfile",
        Path("folder/long-task"),
        "me/long-task:latest",
    )


def test_values_are_text_as_written(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("environment:\n  level: 07\n  a: file\n")
    text = """
functions:
  f:
    lang: Dockerfile
    image: <your-docker-username-here>/f:latest
    skip_build: true
    readonly_root_filesystem: false
    environment: {a: yes, b: 5, c: 1.0}
    environment_file: [more.yaml]
    labels: {com.openfaas.scale.min: 2}
    annotations: {topic: x}
    limits: {memory: 40Mi}
    requests: {cpu: 100m}
    secrets: [s]
    constraints: [c]
    namespace: dev
    fprocess: cat
"""

    function = parse_stack(text, tmp_path).functions["f"]

    assert function.environment == {"a": "file", "b": "5", "c": "1.0", "level": "07"}
    assert function.labels == {"com.openfaas.scale.min": "2"}
    assert function.image == "<your-docker-username-here>/f:latest"
    assert (function.lang, function.namespace, function.fprocess) == ("dockerfile", "dev", "cat")
    assert (function.skip_build, function.readonly_root_filesystem) == (True, False)
    assert (function.limits, function.requests) == ({"memory": "40Mi"}, {"cpu": "100m"})
    assert (function.secrets, function.constraints, function.annotations) == (["s"], ["c"], {"topic": "x"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions: [", "error with YAML file"),
        ("just text", "not a mapping"),
        ("- a", "not a mapping"),
        ("", "not a mapping"),
        ("provider: {name: faas}", 'the only valid "provider.name"'),
        ("version: 2.0", "the only valid versions"),
        ("functions: [a]", "functions is not a mapping"),
        ("functions: {f: x}", "f is not a mapping"),
        ("functions: {f: {environment: [a]}}", "environment is not a mapping"),
        ("functions: {f: {environment: {a: {b: c}}}}", "environment.a is not text"),
        ("functions: {f: {secrets: a}}", "secrets is not a list"),
        ("functions: {f: {environment_file: [missing.yaml]}}", r"environment_file .*missing\.yaml"),
    ],
)
@pytest.mark.row("4.1 stack file")
def test_an_invalid_stack_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(StackFileError, match=message):
        parse_stack(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${NONE}", ""),
        ("${NONE:-b}", "b"),
        ("${EMPTY:-b}", "b"),
        ("${EMPTY-b}", ""),
        ("${A:-b}", "1"),
        ("$A ${", "$A ${"),
        ("$${A}", "${A}"),
    ],
)
@pytest.mark.row("4.1 stack file")
def test_variables_are_substituted(text: str, expected: str) -> None:
    assert substitute(text, {"A": "1", "EMPTY": ""}) == expected


def test_envsubst_false_disables_the_substitution(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER", "me")
    Path("stack.yaml").write_text("functions: {f: {image: '${OWNER:-nobody}/f:latest'}}")

    assert stack_of(arguments()).functions["f"].image == "me/f:latest"
    assert stack_of(arguments("--envsubst=false")).functions["f"].image == "${OWNER:-nobody}/f:latest"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, ["a-one", "a-two", "b-one"]),
        ({"pattern": "a-*"}, ["a-one", "a-two"]),
        ({"pattern": "*one"}, ["a-one", "b-one"]),
        ({"regex": "^b"}, ["b-one"]),
        ({"regex": "two"}, ["a-two"]),
    ],
)
@pytest.mark.row("4.1 stack file")
def test_functions_are_selected_by_wildcard_or_expression(
    choice: dict[str, str], expected: list[str]
) -> None:
    functions = parse_stack("functions: {a-one: {}, a-two: {}, b-one: {}}", Path()).functions

    assert list(select(functions, **choice)) == expected


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"pattern": "x*"}, "no functions matching --filter/--regex were found in the YAML file"),
        ({"pattern": "a", "regex": "a"}, "pass in a regex or a filter, not both"),
        ({"regex": "("}, "not a regular expression"),
    ],
)
def test_a_selection_of_nothing_is_an_error(choice: dict[str, str], message: str) -> None:
    with pytest.raises(StackFileError, match=message):
        select(parse_stack("functions: {a: {}}", Path()).functions, **choice)


@pytest.mark.row("4.1 stack file")
def test_the_stack_file_has_two_default_names(folder: Path) -> None:
    assert stack_file(arguments()) is None
    Path("stack.yml").touch()
    assert stack_file(arguments()) == "stack.yml"
    Path("stack.yaml").touch()
    assert stack_file(arguments()) == "stack.yaml"
    assert stack_file(arguments("-f", "other.yaml")) == "other.yaml"


def test_without_a_stack_file_the_stack_is_empty(folder: Path) -> None:
    assert stack_of(arguments()).functions == {}


def test_a_missing_stack_file_of_the_flag_is_an_error(folder: Path) -> None:
    with pytest.raises(StackFileError, match=r"other\.yaml"):
        stack_of(arguments("-f", "other.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STACK, False),
        (STACK.replace("http://127.0.0.1:8080", '"http://127.0.0.1:8080"'), False),
        (STACK.replace("http://127.0.0.1:8080", '"http://127.0.0.1:8080/"'), True),
        ("functions: {}", False),
        (STACK.replace("127.0.0.1", "gateway"), True),
        (STACK.replace("http://127.0.0.1:8080", "${GATEWAY}"), True),
        (STACK.replace("http://127.0.0.1:8080", "\n    http://other"), True),
        (STACK + "    namespace: dev\n", True),
        ("{provider: {gateway: 'http://other'}}", True),
    ],
)
def test_an_invocation_parses_only_a_stack_that_may_affect_it(
    folder: Path, text: str, expected: bool
) -> None:
    Path("stack.yaml").write_text(text)

    assert may_affect_invocation("stack.yaml") is expected


def test_an_invocation_uses_gateway_and_namespace_of_the_stack(folder: Path) -> None:
    Path("stack.yaml").write_text("provider: {gateway: 'http://other'}\nfunctions: {f: {namespace: dev}}")

    assert gateway_and_namespace(arguments(), "f") == ("http://other", "dev")
    assert gateway_and_namespace(arguments(), "g") == ("http://other", "")
