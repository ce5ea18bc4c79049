"""The verdict of ``bin.verify``, as text and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.language import translated
from labkit.views.tables import html_table, text_table

_HEADING = ("expected", "matched", "")


@dataclass(frozen=True)
class BinVerdict:
    """What a verification found.

    Attributes:
        verified: Whether all that was expected holds.
        message: The verdict in sentences.
        waited: Seconds that it took.
        matched: Ids of the requests that matched, for each expectation.
        extra: Ids of requests that matched nothing, if that was asked.
        document: The response of the inspector's API, near misses included.
    """

    verified: bool
    message: str
    waited: float
    matched: tuple[tuple[str, ...], ...] = field(repr=False)
    extra: tuple[str, ...] = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BinVerdict:
        """Read the response of the inspector's API."""
        return cls(
            verified=document["verified"],
            message=document["message"],
            waited=document["waited"],
            matched=tuple(tuple(result["matched"]) for result in document["results"]),
            extra=tuple(document["extra"]),
            document=document,
        )

    def near_misses(self) -> tuple[str, ...]:
        """Return why the nearest requests did not match; sentences."""
        return tuple(
            f"{miss['id']}: {'; '.join(miss['why'])}"
            for result in self.document["results"]
            for miss in result["near_misses"]
        )

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = [_HEADING]
        for result in self.document["results"]:
            times = result["expect"]["times"]
            conditions = ", ".join(f"{name}={value}" for name, value in result["expect"]["match"].items())
            rows.append(
                (
                    f"{_times(times['min'], times['max'])} {conditions or translated('any request')}",
                    str(len(result["matched"])),
                    translated(result["message"] or "holds"),
                )
            )
        if self.extra:
            rows.append((translated("no other request"), str(len(self.extra)), translated(self.message)))
        return rows


def _times(least: int, most: int | None) -> str:
    if most is None:
        return translated(f"at least {least}:")
    return translated(f"{least}:" if least == most else f"{least} to {most}:")
