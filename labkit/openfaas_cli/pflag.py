"""Flags as faas-cli and kubectl read them: click's options, with the manners of Go's pflag.

Both programs are written in Go. What pflag does otherwise than click is here:
``--tail=false`` switches a flag off, ``-n=me`` is ``-n me``, a command counts
its words itself, and mistakes are told in pflag's words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from labkit_services.contract.errors import InvalidValueError

_KINDS = {bool: "", int: "int", list: "stringArray", str: "string"}


class UsageError(InvalidValueError):
    """The command line is not understood."""


class Flag(click.Option):
    """One flag of a command.

    The default's type says what the flag takes: a bool nothing (or ``=false``),
    an int a whole number, a list one value each time it is given, a str text
    or, with ``choices``, one of them.
    """

    def __init__(
        self,
        name: str,
        short: str,
        default: str | bool | int | list[str],
        about: str,
        choices: Sequence[str] = (),
    ) -> None:
        # Said in words, for click 8.1 takes a switch that is on by default to switch off.
        switch = {"flag_value": True} if isinstance(default, bool) else {}
        choice = click.Choice(choices, case_sensitive=False) if choices else None
        super().__init__(
            [*([f"-{short}"] if short else []), f"--{name}"],
            default=default,
            help=about,
            metavar=_KINDS[type(default)],
            multiple=isinstance(default, list),
            show_default=bool(default),
            type=choice or (str if isinstance(default, list) else type(default)),
            **switch,
        )

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value in the flag's type.

        Raises:
            UsageError: It has none.
        """
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            flag = ", ".join(self.opts)
            raise UsageError(f'invalid argument "{value}" for "{flag}" flag', seen=error.message) from error


class Arguments(click.Context):
    """What a command line said: the flags' values, and the words that are no flags."""

    @property
    def words(self) -> list[str]:
        """What is neither a flag nor a flag's value."""
        return self.args

    def text(self, name: str) -> str:
        """Return the value of a text flag."""
        return str(self._value(name))

    def on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return bool(self._value(name))

    def number(self, name: str) -> int:
        """Return the value of a whole-number flag."""
        return int(self._value(name))

    def texts(self, name: str) -> list[str]:
        """Return every value of a flag that may come more than once."""
        return list(self._value(name))

    def given(self, name: str) -> bool:
        """Tell whether the flag stood on the command line, whatever its value."""
        return self.get_parameter_source(_key(name)) is ParameterSource.COMMANDLINE

    def _value(self, name: str) -> Any:
        return self.params[_key(name)]


class PflagCommand(click.Command):
    """A command of click that reads its flags as pflag does."""

    allow_extra_args = True
    context_class = Arguments

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read flags and words in any order; ``--`` ends the flags.

        Raises:
            UsageError: An unknown flag, a missing value, or a value of the wrong type.
        """
        flags = {name: flag for flag in self.params if isinstance(flag, Flag) for name in flag.opts}
        end = args.index("--") if "--" in args else len(args)
        left, switched, is_value = [], {}, False
        for argument in args[:end]:
            name, equals, value = argument.partition("=")
            flag = None if is_value else flags.get(name)
            is_value = flag is not None and not equals and not flag.is_flag
            if flag is None or not equals:
                left.append(argument)
            elif flag.is_flag:  # click has no form for it, so it is kept from click
                switched[flag.name] = flag.type_cast_value(ctx, value)
            else:
                left.append(f"{flag.opts[-1]}={value}")
        try:
            words = super().parse_args(ctx, [*left, *args[end:]])
        except click.NoSuchOption as error:
            kind = "flag" if error.option_name.startswith("--") else "shorthand flag"
            raise UsageError(f"unknown {kind}: {_shown(error.option_name, args)}") from error
        except click.BadOptionUsage as error:
            raise UsageError(f"flag needs an argument: {_shown(error.option_name, args)}") from error
        for key, on in switched.items():
            ctx.params[key] = on
            ctx.set_parameter_source(key, ParameterSource.COMMANDLINE)
        return words


def parse(flags: Sequence[Flag], arguments: Sequence[str]) -> Arguments:
    """Read ``arguments`` outside of any command.

    Raises:
        UsageError: An unknown flag, a missing value, or a value of the wrong type.
    """
    context = PflagCommand(None, params=list(flags), add_help_option=False).make_context(None, [*arguments])
    assert isinstance(context, Arguments)
    return context


def _key(name: str) -> str:
    return name.replace("-", "_")


def _shown(flag: str, args: Sequence[str]) -> str:
    """Return a flag as pflag names it: ``--name``, or ``'n' in -qn``."""
    if flag.startswith("--"):
        return flag
    letters = next(argument for argument in args if re.match(f"-[^-]*{re.escape(flag[1:])}", argument))
    return f"'{flag[1:]}' in {letters}"
