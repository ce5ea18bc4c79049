"""Every ``labkit`` command that prints something can print JSON."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from labkit.cli.main import cli


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command and its name, those of groups as well."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(cli)), ids=lambda value: str(value))
def test_every_command_has_the_option_json(name: str, command: click.Command) -> None:
    options = [option for parameter in command.params for option in parameter.opts]
    assert "--json" in options, name
