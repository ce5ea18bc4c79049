"""``ENV`` and ``ARG`` of a stage, and what ``$NAME`` becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from e2b_dockerfile_utils import ShellLex

from labkit.openfaas_cli.dockerfile.error import DockerfileError

_MOST_CHARACTERS = 1024 * 1024
"""Of one value. A few lines that name a variable ten times each would fill the
memory; and Linux starts no process with a value above 128 KB."""


class Variables:
    """The variables that a line of a Dockerfile can use.

    As in BuildKit, an ``ARG`` after an ``ENV`` of the same name hides it for
    the lines below, but not in the image.
    """

    def __init__(self, escape: str, values: Mapping[str, str] | None = None) -> None:
        self._escape = escape
        self.values = dict(values or {})

    def copy(self) -> Variables:
        """Return the same variables, to go on with."""
        return Variables(self._escape, self.values)

    def expand(self, word: str) -> str:
        """Replace variables and remove quotes, as for most instructions."""
        return self._process(word, ShellLex(self._escape, env=self.values, skip_unset_env=False))

    def expand_inline_file(self, content: str) -> str:
        """Replace variables in an inline file, in which quotes stay."""
        lex = ShellLex("\\", skip_process_quotes=True, env=self.values, skip_unset_env=False)
        return self._process(content, lex)

    def declare(self, words: Sequence[str], build_args: Mapping[str, str], outer: Mapping[str, str]) -> None:
        """Execute ``ARG``: from --build-arg, else the default, else ``outer``.

        ``outer`` has the arguments in front of the first ``FROM``. An
        argument without any value stays unset.
        """
        for word in words:
            name, equals, default = word.partition("=")
            if name in build_args:
                self.values[name] = build_args[name]
            elif equals:
                self.values[name] = self.expand(default)
            elif name in outer:
                self.values[name] = outer[name]

    @staticmethod
    def _process(word: str, lex: ShellLex) -> str:
        try:
            value = lex.process_word(word)
        except ValueError as error:
            reason = str(error).removeprefix(f"failed to process {word!r}: ")
            shown = json.dumps(word, ensure_ascii=False)
            raise DockerfileError(f"failed to process {shown}: {reason}") from error
        if len(value) > _MOST_CHARACTERS:
            raise DockerfileError(
                f"a value has {len(value):,} characters", expected=f"at most {_MOST_CHARACTERS:,}"
            )
        return value
