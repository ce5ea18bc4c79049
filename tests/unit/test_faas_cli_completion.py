"""Completions of a command line; expectations measured with cobra 1.6."""

from __future__ import annotations

import pytest

from labkit.openfaas_cli.faas_cli import FAAS_CLI, main
from labkit.openfaas_cli.faas_cli.completion import DEFAULT, FILE_EXTENSIONS, NO_FILES, complete
from labkit.openfaas_cli.faas_cli.verb import HIDDEN


@pytest.fixture(autouse=True)
def builtin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")


@pytest.mark.parametrize(
    ("line", "names", "directive"),
    [
        ("se", "secret", NO_FILES),
        ("namespace ", "create get list remove update", NO_FILES),
        ("ns l", "list", NO_FILES),
        ("template store p", "pull", NO_FILES),
        ("--filter x sec", "secret", NO_FILES),
        ("completion --", "--filter --regex --yaml --help --shell", NO_FILES),
        ("completion -", "--filter --regex --yaml -f --help -h --shell", NO_FILES),
        ("secret --", "--filter --regex --yaml --help", NO_FILES),
        ("-", "--filter --help -h --regex --yaml -f", NO_FILES),
        ("invoke --as", "--async", NO_FILES),
        ("ls --q", "--quiet", NO_FILES),
        ("list --quiet --q", "", NO_FILES),  # it is there already
        ("deploy -e x=1 --env", "--env --envsubst", NO_FILES),  # may be repeated
        ("list -g", "-g", NO_FILES),
        ("list -fa", "", NO_FILES),
        ("list --help ", "", NO_FILES),
        ("list ", "", DEFAULT),
        ("list x ", "", DEFAULT),
        ("list --gateway ", "", DEFAULT),
        ("list --gateway=h", "", DEFAULT),
        ("list -- -", "", DEFAULT),
        ("secret bogus ", "", DEFAULT),
        ("--yaml ", "yaml yml", FILE_EXTENSIONS),
        ("list --yaml=st", "yaml yml", FILE_EXTENSIONS),
        ("-f st", "yaml yml", FILE_EXTENSIONS),
        ("help comp", "completion", NO_FILES),
        ("help secret un", "unseal", NO_FILES),
        ("help bogus ", "", NO_FILES),
    ],
)
def test_a_word_is_completed_as_cobra_does(line: str, names: str, directive: int) -> None:
    completion = complete(FAAS_CLI, line.split(" "))

    assert " ".join(name for name, _ in completion.found) == names
    assert completion.directive == directive
    assert not completion.error


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("bogus ", "Unable to find a command for arguments: [bogus]"),
        ("list --bad -", "Error while parsing flags from args [--bad]: unknown flag: --bad"),
    ],
)
def test_a_line_that_is_wrong_already_has_no_completions(line: str, error: str) -> None:
    assert complete(FAAS_CLI, line.split(" ")) == ([], DEFAULT, error)


def test_hidden_verbs_are_not_completed() -> None:
    names = {name for name, _ in complete(FAAS_CLI, [""]).found}

    assert {"help", "invoke", "local-run", "namespace"} <= names
    assert not names & HIDDEN


def test_complete_prints_descriptions_and_directive(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["__complete", "namespace", "g"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "get\tShow a namespace with its labels and annotations\n:4\n"
    assert printed.err == "Completion ended with directive: ShellCompDirectiveNoFileComp\n"

    assert main(["__completeNoDesc", "namespace", "g"]) == 0
    assert capsys.readouterr().out == "get\n:4\n"


def test_complete_reports_errors_and_needs_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["__complete", "bogus", ""]) == 0
    printed = capsys.readouterr()
    assert printed.out == ":0\n"
    assert printed.err == (
        "[Debug] [Error] Unable to find a command for arguments: [bogus]\n"
        "Completion ended with directive: ShellCompDirectiveDefault\n"
    )

    assert main(["__complete"]) == 1
    assert capsys.readouterr().out == "Requires at least 1 arg(s), only received 0\n"
