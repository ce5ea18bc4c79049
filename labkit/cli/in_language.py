"""Help and usage errors of the command line in the language in use."""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from labkit.language import LANGUAGES, VARIABLE, language, translated
from labkit.views.formatting import text_width

_EXTRA = re.compile(r"^(.*?)(?:  )?(?:\[([^\[\]]*: [^\[\]]*|x[<>=][^\[\]]*)\])?$", re.DOTALL)
"""A text of an option, and what click adds: its default, its variable."""

_PIECES = re.compile(r"[\x21-\u2dff]+ *|[^\x21-\u2dff][\u3001\u3002\uff09\uff0c\uff1a\uff1b\u300d\u201d]*")
"""Words, and single 字 with the closing marks after them."""


class HelpInLanguage(click.HelpFormatter):
    """Click's formatter; it knows its own words in other languages, too."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line with the arguments."""
        super().write_usage(prog, args, translated("Usage:") + " " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write the heading of a list."""
        super().write_heading(translated(heading))

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        for number, paragraph in enumerate(text.split("\n\n")):
            if number:
                self.write_paragraph()
            lines = _wrapped(_shown(paragraph), self.width - self.current_indent)
            self.write("".join(f"{'':>{self.current_indent}}{line}\n" for line in lines))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and their texts as two columns."""
        rows = list(rows)
        first = min(max((text_width(term) for term, _ in rows), default=0), col_max) + col_spacing
        for term, text in rows:
            lines = _wrapped(_shown(text), max(self.width - self.current_indent - first, 10)) or [""]
            if text_width(term) > first - col_spacing:
                self.write(f"{'':>{self.current_indent}}{term}\n")
                term = ""
            for line in lines:
                padding = " " * (first - text_width(term))
                self.write(f"{'':>{self.current_indent}}{term}{padding}{line}".rstrip() + "\n")
                term = ""


class ContextInLanguage(click.Context):
    """A context whose help is in the language in use."""

    formatter_class = HelpInLanguage


def in_language(command: click.Command) -> click.Command:
    """Return the command as its help is shown in the language in use."""
    if language() == LANGUAGES[0]:
        return command
    shown = copy.copy(command)
    shown.context_class = ContextInLanguage
    paragraphs = (command.help or "").split("\n\n")
    shown.short_help = _shown(paragraphs[0]).rstrip("。")
    if isinstance(shown, click.Group):
        shown.commands = {name: in_language(each) for name, each in shown.commands.items()}
    return shown


def choose_language(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Use the language that ``--lang`` names, here and in what is started."""
    if value:
        os.environ[VARIABLE] = value
    if language() != LANGUAGES[0]:
        context.command = in_language(context.command)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Show a wrong command line in the language in use, and exit."""
    try:
        yield
    except click.UsageError as error:
        if language() == LANGUAGES[0]:
            raise
        lines = []
        if error.ctx is not None:
            lines = [error.ctx.get_usage(), translated(f"Try '{error.ctx.command_path} -h' for help."), ""]
        click.echo("\n".join([*lines, translated("Error: ") + translated(error.format_message())]), err=True)
        sys.exit(error.exit_code)


def _shown(text: str) -> str:
    """Return a paragraph, its lines joined, and what click adds to it."""
    match = _EXTRA.match(" ".join(text.split("\n")) if "\b" not in text else text)
    if match is None:
        return text
    words = " ".join(match[1].split())
    extra = "; ".join(_extra(part) for part in match[2].split("; ")) if match[2] else ""
    return translated(words) + (f"  [{extra}]" if extra else "")


def _extra(part: str) -> str:
    name, colon, value = part.partition(": ")
    return f"{translated(name)}{translated(': ')}{value}" if colon else part


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of at most ``width`` columns; 字 break anywhere.

    What is no 字 stays whole; no line begins with a closing mark.
    """
    lines, line = [], ""
    for piece in re.findall(
        r"[\x21-\u2dff]+ *|[^\x21-\u2dff][\u3001\u3002\uff09\uff0c\uff1a\uff1b\u300d\u201d]*", text
    ):
        if line.strip() and text_width((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line or piece.strip() else ""
    return [*lines, line.rstrip()] if line.strip() else lines
