"""Completions of a command line, as cobra's ``__complete`` prints them.

Shells' completion scripts, cobra's as well as the lab's, read this protocol:
a line for each completion, its description after a tab, and at the end a colon
and a directive (cobra's shell_completions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.help import HELP_VERB, help_flag, subverbs
from labkit.openfaas_cli.faas_cli.verb import GLOBAL_FLAGS, HELP, Group, find_verb
from labkit.openfaas_cli.pflag import Flag, UsageError, first_word, parse

DEFAULT = 0
"""Complete the names of files if there is no completion."""
NO_FILES = 4
"""Do not complete the names of files."""
FILE_EXTENSIONS = 8
"""The completions are extensions: complete such files."""
_DIRECTIVES = {
    DEFAULT: "ShellCompDirectiveDefault",
    NO_FILES: "ShellCompDirectiveNoFileComp",
    FILE_EXTENSIONS: "ShellCompDirectiveFilterFileExt",
}
_STACK_FILES = [("yaml", ""), ("yml", "")]


class Completion(NamedTuple):
    """Completions with their descriptions, a directive, perhaps an error."""

    found: list[tuple[str, str]]
    directive: int
    error: str = ""

    def lines(self, *, described: bool) -> list[str]:
        """Return what a shell's script reads."""
        shown = [f"{text}\t{about}" if described and about else text for text, about in self.found]
        return [*shown, f":{self.directive}"]

    def notes(self) -> list[str]:
        """Return what is for a person who looks for a fault."""
        error = [f"[Debug] [Error] {self.error}"] if self.error else []
        return [*error, f"Completion ended with directive: {_DIRECTIVES[self.directive]}"]


def complete(root: Group, words: Sequence[str]) -> Completion:
    """Complete the last of the words after the program ``root``."""
    *given, current = words
    if given[:1] == ["help"]:
        return _complete_help(root, given[1:], current)
    rest = list(given)
    path, verb = find_verb(root, rest)
    if verb is root and first_word(GLOBAL_FLAGS, rest) is not None:
        error = f"Unable to find a command for arguments: [{' '.join(given)}]"
        return Completion([], DEFAULT, error)
    flag, current = _flag_of(verb.flags, rest, current)
    try:
        arguments = parse(verb.flags, rest)
    except UsageError as error:
        text = f"Error while parsing flags from args [{' '.join(rest)}]: {error}"
        return Completion([], DEFAULT, text)
    if arguments.on("help"):
        return Completion([], NO_FILES)
    if flag is not None:
        is_stack = flag.name == "yaml"
        return Completion(_STACK_FILES, FILE_EXTENSIONS) if is_stack else Completion([], DEFAULT)
    if current.startswith("-") and "=" not in current and "--" not in rest:
        again = [
            each for each in verb.flags if not arguments.given(each.name) or isinstance(each.default, list)
        ]
        return Completion(_flag_names(path, again, current), NO_FILES)
    if isinstance(verb, Group) and not arguments.words:
        return Completion(_starting(current, _names(verb, is_root=verb is root)), NO_FILES)
    return Completion([], DEFAULT)


def _complete_help(root: Group, given: list[str], current: str) -> Completion:
    _, verb = find_verb(root, given)
    if given or not isinstance(verb, Group):
        return Completion([], NO_FILES)
    return Completion(_starting(current, _names(verb, is_root=verb is root)), NO_FILES)


def _names(group: Group, *, is_root: bool) -> list[tuple[str, str]]:
    return sorted([*subverbs(group), *([HELP_VERB] if is_root else [])])


def _starting(start: str, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [row for row in rows if row[0].startswith(start)]


def _flag_of(flags: Sequence[Flag], rest: list[str], current: str) -> tuple[Flag | None, str]:
    """Return the flag whose value is being typed, or None, and what is typed.

    A flag's name in a word of its own is removed from ``rest``.
    """
    by_name = {f"--{flag.name}": flag for flag in flags}
    by_name |= {f"-{flag.short}": flag for flag in flags if flag.short}
    name, equals, value = current.partition("=")
    if equals and name in by_name:
        return by_name[name], value
    flag = by_name.get(rest[-1]) if rest and not current.startswith("-") else None
    if flag is None or not flag.takes_value or "--" in rest:
        return None, current
    rest.pop()
    return flag, current


def _flag_names(path: Sequence[str], flags: Sequence[Flag], start: str) -> list[tuple[str, str]]:
    """Return the flags' names; a verb's own follow the global ones."""
    shared = () if len(path) == 1 else GLOBAL_FLAGS
    shown = [help_flag(path) if flag is HELP else flag for flag in flags]
    rows = []
    for flag in sorted(shown, key=lambda flag: (flag not in shared, flag.name)):
        names = [f"--{flag.name}", *([f"-{flag.short}"] if flag.short else [])]
        rows += [(name, flag.about) for name in names]
    return _starting(start, rows)
