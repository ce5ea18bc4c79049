"""The base of all errors that a learner can see."""

from __future__ import annotations

TYPE_CHECKING = False  # the one in typing takes 4 ms to import; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import ClassVar


class LabError(Exception):
    """Something in the lab did not go as expected.

    The docstring of a subclass is its default headline. Below the headline,
    one labelled line each: what was expected, what was seen, the last log
    lines, what to do next.

    Attributes:
        log_label: What ``log`` is called.
        headline_only: Whether IPython shows only the headline; a box below it
            has the rest.
        in_language: Returns a text in the language of who reads the error;
            services know none.
    """

    log_label: ClassVar[str] = "last log lines"
    headline_only: ClassVar[bool] = False
    in_language: ClassVar[Callable[[str], str]] = staticmethod(str)

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
        say = LabError.in_language
        lines = [say(self.headline)]
        if self.expected:
            lines.append(f"  {say('expected: ')}{say(self.expected)}")
        if self.seen:
            lines.append(f"  {say('seen:     ')}{say(self.seen)}")
        if self.log:
            lines.append(f"  {say(self.log_label)}{say(':')}")
            lines += [f"    {line}" for line in self.log]
        if self.next_step:
            lines.append(f"  {say('next:     ')}{say(self.next_step)}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, str]:
        """Return what an HTTP response says of it; without empty texts."""
        texts = {
            "error": self.headline,
            "expected": self.expected,
            "seen": self.seen,
            "next": self.next_step,
        }
        return {name: text for name, text in texts.items() if text}

    def _render_traceback_(self) -> list[str]:
        """Show only the message in IPython: a learner needs no traceback.

        IPython calls this hook, where an exception has it, instead of
        formatting a traceback.
        """
        text = LabError.in_language(self.headline) if self.headline_only else str(self)
        return [f"{type(self).__name__}: {text}"]


class LabTimeoutError(LabError, TimeoutError):
    """Something took longer than its deadline."""


class NatsAccessError(LabError, ConnectionError):
    """NATS can't be used."""


class InvalidValueError(LabError, ValueError):
    """A value does not fit where it was given."""


class UnsafePathError(LabError):
    """A path is not safe to use."""


def error_text(error: BaseException) -> str:
    """Return the message of an error, or its repr if it has none.

    NATS's errors have their reason in the message, not in the repr; a bare
    timeout has no message.
    """
    return str(error) or repr(error)
