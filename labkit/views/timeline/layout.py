"""What a timeline shows: a row for each call, bars and moments on one axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labkit.views.faults import fault_text
from labkit.views.style_table import label_of
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.call_record.call import Call
from labkit_services.call_record.fault_spans import FaultSpan
from labkit_services.call_record.spans import Kind, Lane, Span, spans


@dataclass(frozen=True, slots=True)
class Bar:
    """A period; seconds from the timeline's begin.

    Attributes:
        kind: A kind of span, or ``interrupted``.
        is_open: Whether it goes on.
    """

    kind: str
    start: float
    end: float
    label: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class MarkedMoment:
    """A moment that is marked, such as ``answered``, ``dead``."""

    kind: str
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One call; ``bars`` in the order in which they are drawn."""

    label: str
    call: Call
    bars: tuple[Bar, ...]
    moments: tuple[MarkedMoment, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A fault that was injected; ``label`` has its name and duration."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A timeline without its form.

    Attributes:
        seconds: Length of the axis.
        left_out: Calls that have no row because there are too many.
    """

    rows: tuple[Row, ...]
    bands: tuple[Band, ...]
    seconds: float
    left_out: int = 0


def lay_out(
    calls: Sequence[Call],
    faults: Iterable[FaultSpan] = (),
    *,
    now_ns: int,
    most: int = 200,
    words: ViewWords = ENGLISH,
) -> Layout:
    """Return the timeline of ``calls``, the earliest first.

    The newest ``most`` of them have a row. Faults are shown as far as they
    overlap the axis. Labels of faults and of answers are in ``words``.
    """
    known = sorted((call for call in calls if call.events), key=lambda call: call.events[0].time_ns)
    shown = known[-most:] if most else []
    found = [(call, spans(call, now_ns)) for call in shown]
    times = [time for _, row in found for span in row for time in (span.start_ns, span.end_ns or now_ns)]
    begin, end = (min(times), max(times)) if times else (now_ns, now_ns)
    names = Counter[str]()
    rows = []
    for call, row in found:
        names[call.function] += 1
        label = f"{call.function} {names[call.function]}"
        bars, moments = _bars_and_moments(call, row, begin, now_ns)
        if call.released is not None:
            at = (call.released - begin) / 1e9
            moments.append(MarkedMoment("answered", at, label_of("answered", words.language)))
        rows.append(Row(label, call, tuple(bars), tuple(moments)))
    seconds = (end - begin) / 1e9
    bands = [_band(fault, begin, end, words) for fault in faults]
    inside = tuple(band for band in bands if band.end >= 0 and band.start <= seconds)
    return Layout(tuple(rows), inside, seconds, len(known) - len(shown))


def _bars_and_moments(
    call: Call, found: list[Span], begin: int, now_ns: int
) -> tuple[list[Bar], list[MarkedMoment]]:
    def offset(time_ns: int) -> float:
        return (time_ns - begin) / 1e9

    bars: list[Bar] = []
    moments: list[MarkedMoment] = []
    for span in found:
        kind = span.kind.value
        if span.is_mark:
            moments.append(MarkedMoment(kind, offset(span.start_ns), span.label))
        elif span.lane is not Lane.GATEWAY and not _is_hidden(call, span):
            if span.kind is Kind.CANCELLED:
                kind = "interrupted"
            end = now_ns if span.end_ns is None else span.end_ns
            bars.append(Bar(kind, offset(span.start_ns), offset(end), span.label, span.end_ns is None))
    # Thin ones first: a tall one that overlaps them stays visible.
    bars.sort(key=lambda bar: bar.kind in _TALL_KINDS)
    return bars, moments


_TALL_KINDS = {
    kind.value for kind in (Kind.WORKS, Kind.FAILS, Kind.LOST, Kind.CALLS_BACK, Kind.CALLBACK_FAILS)
} | {"interrupted"}


def _is_hidden(call: Call, span: Span) -> bool:
    """Tell whether a span is left out: an asynchronous caller is soon free."""
    return span.lane is Lane.CLIENT and call.mode == "async"


def _band(fault: FaultSpan, begin: int, end: int, words: ViewWords) -> Band:
    ended = end if fault.ended is None else fault.ended
    return Band(fault_text(fault, words), (fault.began - begin) / 1e9, (ended - begin) / 1e9)
