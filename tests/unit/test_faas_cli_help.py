"""``--help`` as cobra 1.6 prints it, measured with a program of the same commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from labkit.openfaas_cli.faas_cli import FAAS_CLI, main
from labkit.openfaas_cli.faas_cli.help import help_text
from labkit.openfaas_cli.faas_cli.verb import HIDDEN, Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag

GLOBAL = """
Global Flags:
      --filter string   Wildcard to match with function names in the stack file
      --regex string    Regular expression to match with function names in the stack file
  -f, --yaml string     Path to the stack file that describes the functions
"""


def nothing(_: Arguments) -> None:
    """Do nothing."""


LIST = Verb(
    "List",
    nothing,
    flags=(
        Flag("gateway", "g", "http://127.0.0.1:8080", "G"),
        Flag("length", "", 32, "L"),
        Flag("trim", "", True, "T"),
        Flag("off", "", False, "O"),
        Flag("env", "", [], "E"),
    ),
    words="[NAME]",
    examples=("faas-cli secret list", "faas-cli secret ls"),
)
SECRET = Group("Secrets", {"list, ls": LIST}, examples=("faas-cli secret list",))


def test_a_verb_s_help_has_its_flags_with_types_and_defaults() -> None:
    assert help_text(["faas-cli", "secret", "list, ls"], LIST) == (
        "List\n\nUsage:\n  faas-cli secret list [NAME] [flags]\n\nAliases:\n  list, ls\n\n"
        "Examples:\n  faas-cli secret list\n  faas-cli secret ls\n\nFlags:\n"
        "      --env stringArray   E\n"
        '  -g, --gateway string    G (default "http://127.0.0.1:8080")\n'
        "  -h, --help              help for list\n"
        "      --length int        L (default 32)\n"
        "      --off               O\n"
        "      --trim              T (default true)\n" + GLOBAL
    )


def test_a_group_s_help_lists_its_verbs() -> None:
    assert help_text(["faas-cli", "secret"], SECRET) == (
        "Secrets\n\nUsage:\n  faas-cli secret [command]\n\nExamples:\n  faas-cli secret list\n\n"
        "Available Commands:\n  list        List\n\nFlags:\n  -h, --help   help for secret\n" + GLOBAL + "\n"
        'Use "faas-cli secret [command] --help" for more information about a command.\n'
    )


def test_the_program_s_help_has_the_global_flags_as_its_own() -> None:
    root = Group("Root", {"secret": SECRET, "registry-login": LIST, "bashcompletion": LIST})
    printed = help_text(["faas-cli"], root)

    assert printed.startswith(
        "\nRoot\n\nUsage:\n  faas-cli [flags]\n  faas-cli [command]\n\nAvailable Commands:\n"
    )
    assert (
        "\n  help           Help about any command\n  registry-login List\n  secret         Secrets\n\n"
        in printed
    )
    assert "bashcompletion" not in printed
    assert "\nFlags:\n      --filter string   Wild" in printed
    assert "\n  -h, --help            help for faas-cli\n" in printed
    assert "Global Flags" not in printed


def test_help_of_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")

    assert main(["help", "--help"]) == 0
    assert capsys.readouterr().out == (
        "Help about any command\n\nUsage:\n  faas-cli help [command] [flags]\n\n"
        "Flags:\n  -h, --help   help for help\n" + GLOBAL
    )


def commands(group: Group, path: Sequence[str] = ()) -> list[tuple[str, ...]]:
    found = []
    for names in group.verbs:
        name = names.partition(",")[0]
        entry = group.find(name)
        assert entry is not None
        found.append((*path, name))
        if isinstance(entry[1], Group):
            found += commands(entry[1], (*path, name))
    return found


@pytest.mark.parametrize("command", commands(FAAS_CLI), ids=" ".join)
def test_every_verb_has_help_and_help_verb_prints_the_same(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")

    assert main([*command, "--help"]) == 0
    printed = capsys.readouterr().out
    assert main(["help", *command]) == 0

    assert capsys.readouterr().out == printed
    assert f"\nUsage:\n  faas-cli {' '.join(command)} " in printed
    assert re.search(f"\n  -h, --help +help for {command[-1]}\n", printed)
    listed = f"\n  {command[0]} " in help_text(["faas-cli"], FAAS_CLI)
    assert listed == (command[0] not in HIDDEN)
