"""What the gateway keeps by name: the base of ``namespace`` and ``secret``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.command import Command
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


class Resource(NamedTuple):
    """A kind of thing with a name.

    Attributes:
        kind: ``secret``.
        flags: That each of its verbs has.
    """

    kind: str
    flags: Sequence[Flag]

    def verb(
        self,
        short: str,
        run: Callable[[str, Arguments], None],
        *examples: str,
        flags: Sequence[Flag] = (),
        aliases: Sequence[str] = (),
    ) -> Command:
        """Return a verb that does something to one of them, by its name.

        Args:
            short: One line on what it does.
            run: Does it; it is given the name.
            examples: Command lines.
            flags: Of this verb only.
            aliases: The verb's other names.
        """
        return Command(
            short,
            lambda arguments: run(self._name(arguments), arguments),
            words=f"{self.kind.upper()}_NAME",
            flags=(*flags, *self.flags),
            aliases=aliases,
            examples=examples,
        )

    def _name(self, arguments: Arguments) -> str:
        if not arguments.words:
            raise UsageError(f"{self.kind} name required")
        if len(arguments.words) > 1:
            raise UsageError(f"too many values for {self.kind} name")
        return arguments.words[0]
