"""A call's outcome in the words of who reads it."""

from __future__ import annotations

from labkit.language import language
from labkit_services.call_record.attribution import CallOutcome


class OutcomeInWords(CallOutcome):
    """A ``CallOutcome`` that shows itself in the language in use.

    ``reason`` and ``next`` stay English, as in the API.
    """

    def __str__(self) -> str:
        return f"{self.reason_in(language())}{self._blank}{self.next_in(language())}"

    __repr__ = __str__

    @property
    def _blank(self) -> str:
        return " " if language() == "en" else ""
