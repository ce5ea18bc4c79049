"""Stack files."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faas_cli_rows.new import WRITTEN as STACK

from labkit.openfaas_cli.faas_cli.envsubst import EnvsubstError
from labkit.openfaas_cli.faas_cli.stack import (
    Stack,
    StackFileError,
    StackFunction,
    full_environment,
    parse_stack,
    select,
    stack_of,
)
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


PROVIDER = "provider: {name: openfaas}\n"


def parse_functions(text: str) -> Stack:
    """Parse a stack file without its provider."""
    return parse_stack(PROVIDER + text)


def test_a_stack_of_faas_cli_new_is_parsed() -> None:
    stack = parse_stack(STACK)

    assert stack.gateway == "http://127.0.0.1:8080"
    function = stack.functions["long-task"]
    assert (function.lang, function.handler, function.image) == (
        "dockerfile",
        "./long-task",
        "me/long-task:latest",
    )


def test_values_are_text_as_written() -> None:
    text = """
functions:
  f:
    lang: Dockerfile
    image: <your-docker-username-here>/f:latest
    skip_build: true
    readonly_root_filesystem: no
    environment: {a: yes, b: 5, c: 1.0, d: 0x10, e: 1_000, f: 2024-01-01, g: ~, h: !!binary aGk=}
    environment_file: [more.yaml]
    labels: {com.openfaas.scale.min: 2}
    annotations: {topic: x}
    limits: {memory: 40Mi, gpu: 1}
    requests: {cpu: 100m}
    secrets: [s]
    constraints: [c]
    namespace: dev
    fprocess: cat
    build_args: {A: 1}
    build_options: [dev]
    unknown: [1]
configuration:
  copy: [common]
  templates: [{name: t, source: s}]
"""

    stack = parse_functions(text)

    function = stack.functions["f"]
    assert function.environment == {
        "a": "yes",
        "b": "5",
        "c": "1.0",
        "d": "0x10",
        "e": "1_000",
        "f": "2024-01-01",
        "g": "",
        "h": "hi",
    }
    assert function.environment_files == ["more.yaml"]
    assert function.labels == {"com.openfaas.scale.min": "2"}
    assert function.image == "<your-docker-username-here>/f:latest"
    assert (function.lang, function.namespace, function.fprocess) == ("dockerfile", "dev", "cat")
    assert (function.skip_build, function.readonly_root_filesystem) == (True, False)
    assert (function.limits, function.requests) == ({"memory": "40Mi"}, {"cpu": "100m"})
    assert (function.secrets, function.constraints, function.annotations) == (["s"], ["c"], {"topic": "x"})
    assert (function.build_args, function.build_options) == ({"A": "1"}, ["dev"])
    assert (stack.copied, stack.templates) == (["common"], {"t": "s"})


@pytest.mark.parametrize("empty", ["", " ~", " null", " {}"])
def test_a_null_is_as_if_the_field_were_not_there(empty: str) -> None:
    fields = ("environment", "labels", "annotations", "limits", "requests", "build_args")
    text = "functions:\n  f:\n" + "".join(f"    {field}:{empty}\n" for field in fields)

    function = parse_functions(text).functions["f"]

    assert all(getattr(function, field) == {} for field in fields)


def test_nulls_of_other_kinds() -> None:
    functions = parse_functions("functions: {f: ~, g: {secrets: [~, a], lang: ~, skip_build: ~}}").functions

    assert functions == {
        "f": StackFunction("f"),
        "g": StackFunction("g", secrets=["a"], present=frozenset({"secrets"})),
    }
    assert parse_functions("functions: ~").functions == {}
    assert parse_functions("functions: {f: {environment: {A: ~, B: }}}").functions["f"].environment == {
        "A": "",
        "B": "",
    }


def test_merge_keys_work_at_every_level() -> None:
    text = """
x-function: &function
  lang: dockerfile
  environment: &environment {A: base, B: base}
functions:
  whole: {<<: *function, image: i}
  own: {<<: *function, environment: {<<: *environment, B: own, C: own}}
  list:
    <<: [{lang: first}, *function]
"""

    functions = parse_functions(text).functions

    assert functions["whole"].environment == {"A": "base", "B": "base"}
    assert functions["own"].environment == {"A": "base", "B": "own", "C": "own"}
    assert (functions["list"].lang, functions["list"].environment["A"]) == ("first", "base")


def test_only_the_first_document_counts() -> None:
    assert parse_stack(f"{STACK}---\nfunctions: [\n").functions.keys() == {"long-task"}


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(change: Callable[[str], str]) -> None:
    assert parse_stack(change(STACK)) == parse_stack(STACK)


YAML_ERRORS = {
    "functions: [": "line 1: did not find expected node content",
    "just text": "unmarshal errors:\n  line 1: cannot unmarshal !!str `just text` into stack.Services",
    "- a": "unmarshal errors:\n  line 1: cannot unmarshal !!seq into stack.Services",
    "functions: [a]": "unmarshal errors:\n  line 1: cannot unmarshal !!seq into map[string]stack.Function",
    "functions: {f: x}": "unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into stack.Function",
    "functions: {f: {environment: [a]}}": (
        "unmarshal errors:\n  line 1: cannot unmarshal !!seq into map[string]string"
    ),
    "functions: {f: {environment: {a: {b: c}}}}": (
        "unmarshal errors:\n  line 1: cannot unmarshal !!map into string"
    ),
    "functions: {f: {secrets: a}}": "unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into []string",
    "functions: {f: {skip_build: 'true'}}": (
        "unmarshal errors:\n  line 1: cannot unmarshal !!str `true` into bool"
    ),
    "functions:\n  f: {}\n  f: {}": (
        'unmarshal errors:\n  line 3: mapping key "f" already defined at line 2'
    ),
    "functions:\n  f:\n    lang: a\n\timage: b": "line 3: found a tab character that violates indentation",
    "functions: {f: *nope}": "unknown anchor 'nope' referenced",
}


@pytest.mark.parametrize(("text", "error"), YAML_ERRORS.items())
@pytest.mark.row("4.1 stack file")
def test_an_invalid_file_is_an_error_in_the_words_of_the_real_one(text: str, error: str) -> None:
    with pytest.raises(StackFileError) as raised:
        parse_stack(text)

    assert str(raised.value) == f"Error with YAML file\nYaml: {error}"


NO_PROVIDER = "['openfaas'] is the only valid \"provider.name\" for the OpenFaaS CLI, but you gave: "


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NO_PROVIDER),
        ("# a comment", NO_PROVIDER),
        ("functions: {f: {}}", NO_PROVIDER),
        ("provider: ~", NO_PROVIDER),
        ("provider: {gateway: 'http://a'}", NO_PROVIDER),
        ("provider: {name: faas}", f"{NO_PROVIDER}faas"),
        ("provider: {name: OpenFaaS}", f"{NO_PROVIDER}OpenFaaS"),
        (f"{PROVIDER}version: 2.0", "[1.0] are the only valid versions for the stack file - found: 2.0"),
        (f"{PROVIDER}version: 1", "[1.0] are the only valid versions for the stack file - found: 1"),
    ],
)
def test_provider_name_and_version_are_checked(text: str, error: str) -> None:
    with pytest.raises(StackFileError) as raised:
        parse_stack(text)

    assert str(raised.value) == error


def test_environment_files_are_read_in_order_from_the_current_folder(folder: Path) -> None:
    Path("a.yaml").write_text("environment: {level: 07, a: file, n: ~}\n")
    Path("b.yaml").write_text("environment: {a: last}\nother: 1\n---\nenvironment: {a: no}\n")
    Path("empty.yaml").write_text("environment:\n")
    function = StackFunction(
        "f", environment={"a": "own", "b": "own"}, environment_files=["a.yaml", "b.yaml", "empty.yaml"]
    )

    assert full_environment(function) == {"a": "last", "b": "own", "level": "07", "n": ""}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "open e.yaml: no such file or directory"),
        (
            "environment: [a]",
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into map[string]string",
        ),
        ("a: [", "yaml: line 1: did not find expected node content"),
    ],
)
def test_an_invalid_environment_file_is_an_error(folder: Path, content: str | None, error: str) -> None:
    if content is not None:
        Path("e.yaml").write_text(content)

    with pytest.raises(StackFileError) as raised:
        full_environment(StackFunction("f", environment_files=["e.yaml"]))

    assert str(raised.value) == error


def test_variables_are_substituted_in_the_whole_file_before_it_is_parsed(folder: Path) -> None:
    text = f"{PROVIDER}# ${{NONE:-comment}}\nfunctions: {{'${{NAME}}': {{lang: '${{MORE}}'}}}}"

    functions = parse_stack(text, environment={"NAME": "f", "MORE": "a', image: 'i"}).functions

    assert functions["f"] == StackFunction("f", lang="a", image="i", present=frozenset({"lang", "image"}))


def test_a_malformed_variable_is_an_error(folder: Path) -> None:
    Path("stack.yaml").write_text(f"{STACK}# ${{V\n")

    with pytest.raises(EnvsubstError, match=r"^missing closing brace$"):
        stack_of(arguments())

    assert "long-task" in stack_of(arguments("--envsubst=false")).functions


def test_envsubst_false_disables_the_substitution(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER", "me")
    Path("stack.yaml").write_text(PROVIDER + "functions: {f: {image: '${OWNER:-nobody}/f:latest'}}")

    assert stack_of(arguments()).functions["f"].image == "me/f:latest"
    assert stack_of(arguments("--envsubst=false")).functions["f"].image == "${OWNER:-nobody}/f:latest"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, ["a-one", "a-two", "b-one"]),
        ({"pattern": "a-*"}, ["a-one", "a-two"]),
        ({"pattern": "*one"}, ["a-one", "b-one"]),
        ({"pattern": "a*o*e"}, ["a-one"]),
        ({"regex": "^b"}, ["b-one"]),
        ({"regex": "two"}, ["a-two"]),
    ],
)
@pytest.mark.row("4.1 stack file")
def test_functions_are_selected_by_wildcard_or_expression(
    choice: dict[str, str], expected: list[str]
) -> None:
    functions = parse_functions("functions: {a-one: {}, a-two: {}, b-one: {}}").functions

    assert list(select(functions, **choice)) == expected


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"pattern": "x*"}, "no functions matching --filter/--regex were found in the YAML file"),
        ({"pattern": "a", "regex": "a"}, "pass in a regex or a filter, not both"),
        ({"pattern": "?"}, "no functions matching"),
        ({"pattern": "[a]"}, "no functions matching"),
        ({"regex": "("}, r"error parsing regexp: missing closing \): `\(`"),
    ],
)
def test_a_selection_of_nothing_is_an_error(choice: dict[str, str], message: str) -> None:
    with pytest.raises(StackFileError, match=message):
        select(parse_functions("functions: {a: {}}").functions, **choice)


@pytest.mark.row("4.1 stack file")
def test_the_stack_file_has_two_default_names(folder: Path) -> None:
    assert stack_file(arguments()) is None
    Path("stack.yml").touch()
    assert stack_file(arguments()) == "stack.yml"
    Path("stack.yaml").touch()
    assert stack_file(arguments()) == "stack.yaml"
    assert stack_file(arguments("-f", "other.yaml")) == "other.yaml"


@pytest.mark.parametrize("words", [("-f", ""), ("--yaml=",), ("--yaml", "x", "-f", "")])
def test_an_empty_name_stands_for_no_stack_file(folder: Path, words: tuple[str, ...]) -> None:
    Path("stack.yaml").write_text(STACK)

    assert stack_file(arguments(*words)) is None
    assert stack_of(arguments(*words)).functions == {}


def test_a_folder_of_the_default_name_is_an_error(folder: Path) -> None:
    Path("stack.yaml").mkdir()
    Path("stack.yml").write_text(STACK)

    with pytest.raises(StackFileError, match=r"^read stack\.yaml: is a directory$"):
        stack_of(arguments())


def test_without_a_stack_file_the_stack_is_empty(folder: Path) -> None:
    assert stack_of(arguments()).functions == {}


def test_a_missing_stack_file_of_the_flag_is_an_error(folder: Path) -> None:
    with pytest.raises(StackFileError, match=r"^open other\.yaml: no such file or directory$"):
        stack_of(arguments("-f", "other.yaml"))
    with pytest.raises(StackFileError, match=r"^read \.: is a directory$"):
        stack_of(arguments("-f", "."))


class _StackServer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(STACK.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stack_url() -> Iterator[str]:
    """The URL of a stack file."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _StackServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/stack.yaml"
        server.shutdown()
        thread.join()


def test_a_stack_file_may_be_a_url(stack_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "long-task" in stack_of(arguments("-f", stack_url)).functions
    assert capsys.readouterr().out == f"Parsed: {stack_url}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STACK, False),
        (STACK.replace("http://127.0.0.1:8080", "http://127.0.0.1:8080/"), True),
        (STACK.replace("http://127.0.0.1:8080", '"http://127.0.0.1:8080/"'), True),
        (PROVIDER, True),
        ("", True),
        ("functions: {}", True),
        (STACK.replace("name: openfaas", "name: faas"), True),
        (STACK.replace("long-task:", "long-task: ["), True),
        (STACK.replace("me/", "${OWNER"), True),
        (STACK + "  long-task:\n    lang: x\n", True),
        (STACK + "  other:\n    lang: x\n    lang: y\n", True),
        (STACK + "  other:\n    lang: x\n    handler: ./x\n    image: x\n\n", False),
        (STACK.replace("127.0.0.1", "gateway"), True),
        (STACK.replace("http://127.0.0.1:8080", "${GATEWAY}"), True),
        (STACK.replace("http://127.0.0.1:8080", "\n    http://other"), True),
        (STACK + "    namespace: dev\n", True),
        (STACK + "\n    image: x\n", True),
        (STACK + "  other:\n    image: x\n    lang: x\n", True),
        (STACK + "  other:\n    image: me/x:1.0\n", False),
        (STACK + "  other:\n    image: x:y/z\n", True),
        (STACK + "  other:\n    image: x:\n", True),
        (STACK + "  Other:\n", True),
        (STACK + "  other: {}\n", True),
        (STACK + "  other:\r\n", True),
        (STACK.rstrip("\n"), True),
        ("{provider: {gateway: 'http://other'}}", True),
    ],
)
def test_an_invocation_parses_only_a_stack_that_may_affect_it(
    folder: Path, text: str, expected: bool
) -> None:
    Path("stack.yaml").write_text(text)

    assert may_affect_invocation("stack.yaml") is expected


def test_an_invocation_uses_gateway_and_namespace_of_the_stack(folder: Path) -> None:
    Path("stack.yaml").write_text(
        "provider: {name: openfaas, gateway: 'http://other'}\nfunctions: {f: {namespace: dev}}"
    )

    assert gateway_and_namespace(arguments(), "f") == ("http://other", "dev")
    assert gateway_and_namespace(arguments(), "g") == ("http://other", "")
