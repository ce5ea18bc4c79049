"""The status of a connection to an OpenFaaS elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.language import translated
from labkit.views.tables import html_table, text_table


@dataclass(frozen=True)
class RemoteStatus:
    """What is known of an OpenFaaS elsewhere.

    Attributes:
        gateway: Its URL.
        provider: What runs the functions, such as ``faas-netes-ce``.
        orchestration: What they run in, such as ``kubernetes``.
        release: Version of the gateway, as it says.
        functions: How many functions it has.
        callbacks: Where this process receives results, or "".
        damage: Always empty: the lab's own store is not in use.
    """

    gateway: str
    provider: str
    orchestration: str
    release: str
    functions: int
    callbacks: str = ""
    damage: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """Return the table: a heading, then the rows."""
        return [
            ("what", "value"),
            ("gateway", self.gateway),
            ("provider", f"{self.provider} ({self.orchestration})"),
            ("release", self.release),
            ("functions", str(self.functions)),
            *([("callbacks come to", self.callbacks)] if self.callbacks else []),
            ("queue, workers, broker", "not available here: OpenFaaS's API does not show them"),
        ]

    def __repr__(self) -> str:
        return f"{translated('Connected to an OpenFaaS.')}\n{text_table(self._shown())}"

    def _repr_html_(self) -> str:
        return f"<p>{translated('Connected to an OpenFaaS.')}</p>{html_table(self._shown())}"

    def _shown(self) -> list[tuple[str, str]]:
        return [(translated(name), translated(value)) for name, value in self.rows()]
