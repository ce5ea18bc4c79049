"""faas-cli new: what it appends to, and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faas_cli_rows.new import WRITTEN as STACK

from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack
from labkit.openfaas_cli.faas_cli.stack_append import appended

ENTRY = "  b:\n    lang: dockerfile\n    handler: ./b\n    image: b:latest\n\n"
PROVIDER = "provider:\n  name: openfaas\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    for name in ("OPENFAAS_URL", "OPENFAAS_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that runs a command line, checks its code, returns its output."""

    def run(*words: str, code: int = 0) -> str:
        assert main(words) == code
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (STACK, ENTRY),
        (STACK.rstrip("\n"), "\n" + ENTRY),
        (STACK.rstrip("\n") + "\n    # a comment", "\n" + ENTRY),
        (STACK.replace("\n", "\r\n"), ENTRY.replace("\n", "\r\n")),
        (STACK.replace("\n", "\r\n").rstrip("\r\n"), "\r\n" + ENTRY.replace("\n", "\r\n")),
        (PROVIDER, "functions:\n" + ENTRY),
        (PROVIDER.rstrip("\n"), "\nfunctions:\n" + ENTRY),
        (PROVIDER + "functions:\n", ENTRY),
        (PROVIDER + "functions: # none yet", "\n" + ENTRY),
    ],
)
def test_the_lines_go_to_the_end_of_the_file(before: str, added: str) -> None:
    assert appended(before, "b", ENTRY, {}) == before + added


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            STACK + "configuration:\n  copy: [common]\n",
            STACK.rstrip("\n") + "\n" + ENTRY + "\nconfiguration:\n  copy: [common]\n",
        ),
        (
            STACK.rstrip("\n") + "\n# The rest.\nconfiguration: {}",
            STACK.rstrip("\n") + "\n" + ENTRY + "# The rest.\nconfiguration: {}",
        ),
        (
            PROVIDER + "functions:\n    a:\n        lang: x\n",
            PROVIDER
            + "functions:\n    a:\n        lang: x\n    "
            + ENTRY[2:].replace("\n ", "\n   ").rstrip(" "),
        ),
        (
            "functions:\n  a: {lang: x}\n" + PROVIDER,
            "functions:\n  a: {lang: x}\n" + ENTRY + PROVIDER,
        ),
        (PROVIDER + "functions:\n a: {}", PROVIDER + "functions:\n a: {}\n" + ENTRY[1:].replace("\n ", "\n")),
        (STACK + "---\nother: document\n", STACK.rstrip("\n") + "\n" + ENTRY + "\n---\nother: document\n"),
    ],
)
def test_a_function_is_not_lost_in_another_section(before: str, after: str) -> None:
    text = appended(before, "b", ENTRY, {})

    assert list(parse_stack(text).functions) == [*parse_stack(before).functions, "b"]
    assert text.split() == after.split()


@pytest.mark.parametrize("before", [PROVIDER + "functions: {}\n", "{provider: {name: openfaas}}\n"])
def test_a_file_without_a_place_for_the_lines_stays_as_it_is(before: str) -> None:
    with pytest.raises(StackFileError, match="b cannot be added to the stack file"):
        appended(before, "b", ENTRY, {})


def test_variables_are_substituted_for_the_comparison_only() -> None:
    text = PROVIDER + "functions: {a: {lang: ${LANGUAGE}}}\nx: 1\n"

    with pytest.raises(StackFileError):
        appended(text, "b", ENTRY, {"LANGUAGE": "x"})
    block = text.replace("{a: {lang: ${LANGUAGE}}}", "\n  a: {lang: ${LANGUAGE}}")
    assert "${LANGUAGE}" in appended(block, "b", ENTRY, {"LANGUAGE": "x"})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "Error parsing s.yaml yml file\n"),
        ("# only a comment\n", "Error parsing s.yaml yml file\n"),
        ("functions: {}\n", "Error parsing s.yaml yml file\n"),
        ("provider:\n\tname: openfaas\n", "Error with YAML file\nError parsing s.yaml yml file\n"),
        ("provider: [\n", "Error with YAML file\nError parsing s.yaml yml file\n"),
        (STACK + "# ${\n", "Error parsing s.yaml yml file\n"),
        (
            STACK.replace("long-task", "b"),
            "\nFunction b already exists in s.yaml file. \n"
            "Cannot have duplicate function names in same yaml file\n",
        ),
    ],
)
def test_a_file_that_cannot_be_appended_to_stays_as_it_is(
    run: Callable[..., str], content: str, error: str
) -> None:
    Path("s.yaml").write_text(content)

    assert run("new", "b", "--lang", "dockerfile", "--append", "s.yaml", code=1) == error
    assert Path("s.yaml").read_text() == content
    assert not Path("b").exists()


def test_append_to_a_file_without_a_final_newline(run: Callable[..., str]) -> None:
    Path("stack.yaml").write_text(STACK.rstrip("\n"))

    run("new", "b", "--lang", "dockerfile", "--append", "stack.yaml")

    assert Path("stack.yaml").read_text() == STACK.rstrip("\n") + "\n" + ENTRY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "template\nbuild\n.secrets\n"),
        ("", "template\nbuild\n.secrets\n"),
        ("*.pyc", "*.pyc\ntemplate\nbuild\n.secrets\n"),
        ("build\n*.pyc", "build\n*.pyc\ntemplate\n.secrets\n"),
        ("template\nbuild\n.secrets\n", "template\nbuild\n.secrets\n"),
        ("template\nbuild\n.secrets", "template\nbuild\n.secrets\n"),
        ("template\r\nbuild\r\n.secrets\r\n", "template\r\nbuild\r\n.secrets\r\n"),
    ],
)
def test_gitignore_gets_what_it_does_not_have(
    run: Callable[..., str], before: str | None, after: str
) -> None:
    if before is not None:
        Path(".gitignore").write_bytes(before.encode())

    run("new", "b", "--lang", "dockerfile")

    assert Path(".gitignore").read_bytes().decode() == after


def test_a_gitignore_that_is_not_utf_8_is_kept(run: Callable[..., str]) -> None:
    Path(".gitignore").write_bytes(b"\xff\n")

    run("new", "b", "--lang", "dockerfile")

    assert Path(".gitignore").read_bytes() == b"\xff\n\ntemplate\nbuild\n.secrets\n"


def test_the_yaml_flag_names_the_new_file(run: Callable[..., str]) -> None:
    assert run("new", "b", "--lang", "dockerfile", "-f", "o.yml").endswith("Stack file written: o.yml\n")
    assert "  b:\n" in Path("o.yml").read_text()
    assert not Path("stack.yaml").exists()


def test_an_existing_stack_yml_is_found(run: Callable[..., str]) -> None:
    Path("stack.yml").write_text(STACK)

    assert run("new", "b", "--lang", "dockerfile", code=1) == (
        'File: stack.yml already exists. Try "faas-cli new --append stack.yml" instead\n'
    )


def test_a_handler_needs_its_parent_folder(run: Callable[..., str]) -> None:
    assert run("new", "b", "--lang", "dockerfile", "--handler", "src/b", code=1) == (
        "Folder: could not create src/b : mkdir src/b: no such file or directory\n"
    )


def test_sizes_are_written_requests_first(run: Callable[..., str]) -> None:
    sizes = ("--memory-limit", "1Gi", "--cpu-limit=1", "--memory-request=40Mi", "--cpu-request", "100m")

    run("new", "b", "--lang", "dockerfile", *sizes)

    assert (
        Path("stack.yaml")
        .read_text()
        .endswith(
            "    image: b:latest\n    requests:\n      cpu: 100m\n      memory: 40Mi\n"
            "    limits:\n      cpu: 1\n      memory: 1Gi\n\n"
        )
    )


def test_a_template_s_handler_folder_is_what_new_copies_and_its_notes_are_printed(
    run: Callable[..., str],
) -> None:
    source = Path("template/mine/src")
    source.mkdir(parents=True)
    (source / "handler.py").touch()
    (source.parent / "template.yml").write_text(
        "handler_folder: src\nwelcome_message: |\n  Edit handler.py.\n"
    )

    printed = run("new", "b", "--lang", "mine")

    assert Path("b/handler.py").is_file()
    assert printed.endswith("Stack file written: stack.yaml\n\nNotes:\nEdit handler.py.\n\n")
    assert run("new", "c", "--lang", "mine", "-a", "stack.yaml", "--quiet").endswith(
        "\nFunction created in folder: c\nStack file updated: stack.yaml\n"
    )


def test_without_name_and_language_the_help_is_printed(run: Callable[..., str]) -> None:
    assert "\nUsage:\n  faas-cli new FUNCTION_NAME " in run("new")
