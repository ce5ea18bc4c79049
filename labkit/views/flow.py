"""The flow of calls at one moment: as text, and as a picture."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from labkit.language import translated
from labkit.views.style_table import COLOURS
from labkit.views.svg_picture import SvgPicture
from labkit.views.tables import text_table
from labkit.views.timeline.svg import ThemeName
from labkit_services.call_record.call import Call
from labkit_services.call_record.call_index import groups_of
from labkit_services.call_record.fault_spans import FaultSpan

STATIONS = (
    ("gateway", "accepted"),
    ("queue", "queued"),
    ("function", "in_flight"),
    ("callback", "callbacks"),
)
"""The stations on the way of a call and the groups that are counted there."""
ENDS = ("retrying", "redelivered", "done", "failed", "dead", "cancelled")
"""The other groups."""
_LABELS = {"in_flight": "in flight", "dead": "dead letters"}
_WIDTH, _HEIGHT, _BOX, _GAP = 720, 122, 126.0, 72.0


@dataclass(frozen=True)
class CallFlow(SvgPicture):
    """How many calls were where.

    Attributes:
        counts: Number of calls by group: ``COUNTED`` of the call index.
        faults: What is broken on purpose at that moment, a text each.
    """

    counts: Mapping[str, int] = field(repr=False)
    faults: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, calls: Iterable[Call], faults: Iterable[FaultSpan] = ()) -> CallFlow:
        """Return the flow of calls; of faults, those that last are shown."""
        counts = Counter(group for call in calls for group in groups_of(call))
        return cls(counts, tuple(f"{fault.service} {fault.kind}" for fault in faults if fault.ended is None))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Return it as a table."""
        rows = [("station", "calls", "")]
        rows += [(name, str(self.counts.get(group, 0)), _label(group)) for name, group in STATIONS]
        rows += [("", str(self.counts.get(group, 0)), _label(group)) for group in ENDS]
        rows += [("fault", "", text) for text in self.faults]
        shown = [(translated(name), number, translated(what)) for name, number, what in rows]
        return text_table(shown, right={1})

    def svg(self, theme: ThemeName = "light") -> str:
        """Return it as SVG."""
        colours = {name: both[theme] for name, both in COLOURS.items()}
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'font-family="system-ui,sans-serif" font-size="12" style="max-width:{_WIDTH}px">',
            f"<title>{_escaped(self._sentence())}</title>",
            f'<rect width="100%" height="100%" fill="{colours["background"]}"/>',
        ]
        for place, (name, group) in enumerate(STATIONS):
            parts += self._box(place, name, group, colours)
        parts += self._ends(colours)
        return "".join((*parts, "</svg>"))

    def _sentence(self) -> str:
        numbers = (
            f"{self.counts.get(group, 0)} {_label(group)}"
            for group in (*(group for _, group in STATIONS), *ENDS)
        )
        return f"The way of the lab's calls: {', '.join(numbers)}"

    def _box(self, place: int, name: str, group: str, colours: Mapping[str, str]) -> Iterable[str]:
        x, y, number = 4 + place * (_BOX + _GAP), 10, self.counts.get(group, 0)
        middle = x + _BOX / 2
        edge = colours["works" if number and group in ("queued", "in_flight") else "grid"]
        yield f'<rect x="{x:g}" y="{y}" width="{_BOX:g}" height="58" rx="10" fill="none" stroke="{edge}"/>'
        if place:
            arrow = f"M{x - _GAP + 4:g} 39H{x - 4:g}M{x - 10:g} 35L{x - 4:g} 39L{x - 10:g} 43"
            yield f'<path d="{arrow}" fill="none" stroke="{colours["secondary"]}"/>'
        yield _text(middle, y + 20, name, colours["secondary"])
        yield _text(middle, y + 44, f"{number} {_label(group)}", colours["text"], "600")

    def _ends(self, colours: Mapping[str, str]) -> Iterable[str]:
        step = _WIDTH / len(ENDS)
        for place, group in enumerate(ENDS):
            number = self.counts.get(group, 0)
            colour = colours["text" if number else "secondary"]
            yield _text(step * (place + 0.5), 92, f"{number} {_label(group)}", colour)
        if self.faults:
            yield _text(_WIDTH / 2, 114, "fault: " + ", ".join(self.faults), colours["fault"])


def _label(group: str) -> str:
    return _LABELS.get(group, group)


def _text(x: float, y: float, words: str, colour: str, weight: str = "400") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{colour}" font-weight="{weight}">'
        f"{_escaped(words)}</text>"
    )


def _escaped(words: str) -> str:
    return html.escape(words, quote=True)
