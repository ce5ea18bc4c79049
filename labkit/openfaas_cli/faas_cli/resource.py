"""Resources that the gateway stores by name: the base of ``namespace`` and ``secret``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


class Resource(NamedTuple):
    """A kind of resource.

    Attributes:
        kind: Such as ``secret``.
        flags: The flags of all its verbs.
    """

    kind: str
    flags: Sequence[Flag]

    def verb(
        self, short: str, run: Callable[[str, Arguments], None], *examples: str, flags: Sequence[Flag] = ()
    ) -> Verb:
        """Return a verb whose argument is the name of one resource.

        Args:
            short: What it does, in one line.
            run: The action; its first argument is the name.
            examples: Command lines.
            flags: The flags of this verb only.
        """
        return Verb(
            short,
            lambda arguments: run(self._name(arguments), arguments),
            words=f"{self.kind.upper()}_NAME",
            flags=(*flags, *self.flags),
            examples=examples,
        )

    def _name(self, arguments: Arguments) -> str:
        if not arguments.words:
            raise UsageError(f"{self.kind} name required")
        if len(arguments.words) > 1:
            raise UsageError(f"too many values for {self.kind} name")
        return arguments.words[0]
