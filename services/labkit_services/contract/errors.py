"""The one family of errors a learner can meet."""

from __future__ import annotations

from collections.abc import Sequence


class LabError(Exception):
    """Something in the lab did not go as expected.

    The docstring of each subclass is its headline. Whatever is known of what
    was expected, what was seen, the last log lines and what to do next is
    shown below it, one labelled line each.
    """

    def __init__(
        self,
        headline: str | None = None,
        *,
        expected: str = "",
        seen: str = "",
        log: Sequence[str] = (),
        next_step: str = "",
    ) -> None:
        self.headline = headline or (type(self).__doc__ or "").strip().splitlines()[0]
        self.expected = expected
        self.seen = seen
        self.log = tuple(log)
        self.next_step = next_step
        super().__init__(self.headline)

    def __str__(self) -> str:
        lines = [self.headline]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.seen:
            lines.append(f"  seen:     {self.seen}")
        if self.log:
            lines.append("  last log lines:")
            lines += [f"    {line}" for line in self.log]
        if self.next_step:
            lines.append(f"  next:     {self.next_step}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """Show only the message in IPython: a learner needs no traceback.

        IPython calls this hook, when an exception has it, in place of its own
        traceback formatting.
        """
        return [f"{type(self).__name__}: {self}"]


class LabTimeoutError(LabError, TimeoutError):
    """Something took longer than its deadline."""


class InvalidValueError(LabError, ValueError):
    """A value does not fit where it was given."""


def said(error: BaseException) -> str:
    """Return what an error says; if that is nothing, what it is.

    NATS's errors say why in their text, not in their repr; a bare timeout has no text.
    """
    return str(error) or repr(error)
