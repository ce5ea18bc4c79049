"""The rules of all bins, parsed once, with their counts."""

from __future__ import annotations

from typing import Any

from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.responding.rule_input import parse_rules
from labkit_services.inspector.responding.rules import RuleCounts, RuleStep
from labkit_services.inspector.storage.changes import StoreChange

_Documents = tuple[dict[str, Any], ...]


class BinRules:
    """Chooses among the rules of a bin's settings."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[_Documents, RuleCounts]] = {}

    def choose(self, documents: _Documents, record: RequestRecord) -> tuple[RuleStep, str] | None:
        """Return the step that answers a request, and the rule's name."""
        return self._of(record.bin, documents).choose(record) if documents else None

    def preview(self, documents: _Documents, record: RequestRecord) -> str:
        """Return the name of the rule that would answer; count nothing."""
        chosen = self._of(record.bin, documents).next(record) if documents else None
        return chosen[2] if chosen else "default"

    def used(self, bin_name: str, documents: _Documents) -> list[int]:
        """Return how many requests each rule has answered."""
        return list(self._of(bin_name, documents).used)

    def restart(self, bin_name: str) -> None:
        """Begin a bin's sequences again."""
        self._counts.pop(bin_name, None)

    def on_deleted(self, change: StoreChange) -> None:
        """Forget a deleted bin; a listener of the store."""
        self.restart(change.bin.name)

    def _of(self, bin_name: str, documents: _Documents) -> RuleCounts:
        known = self._counts.get(bin_name)
        if known is None or known[0] != documents:
            known = self._counts[bin_name] = documents, RuleCounts(parse_rules(documents))
        return known[1]
