"""The table of colours and shapes: contrast, colour-blind readers, words for everything."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from labkit_services.call_record.log import CallState
from labkit_services.call_record.spans import Kind

WEB = Path(__file__).parents[2] / "services/labkit_services/web"
TABLE = json.loads((WEB / "marks.json").read_text("utf-8"))
BACKGROUNDS = {
    "light": ["#ffffff", "#f6f7f9"],  # of a notebook and of the inspector's panels
    "dark": ["#111111", "#14171b", "#1b1f25"],
}
# Matrices of Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
SIGHTS = {
    "all colours": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> list[float]:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    weights = (0.2126, 0.7152, 0.0722)
    luminances = [sum(w * c for w, c in zip(weights, linear(each), strict=True)) for each in (one, other)]
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def lab_of(colour: str, sight: list[list[float]]) -> list[float]:
    """Return a colour in CIE L*a*b* (D65), as a reader with this sight sees it."""
    seen = [
        min(max(sum(m * c for m, c in zip(row, linear(colour), strict=True)), 0), 1)
        for row in sight
    ]  # fmt: skip
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    ratios = [
        sum(m * c for m, c in zip(row, seen, strict=True)) / w for row, w in zip(rows, white, strict=True)
    ]
    x, y, z = (r ** (1 / 3) if r > 0.008856 else 7.787 * r + 16 / 116 for r in ratios)
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_every_colour_has_enough_contrast_on_every_background(theme: str) -> None:
    for name, colours in TABLE["colours"].items():
        if name in ("background", "grid"):
            continue
        least = 4.5 if name in ("text", "secondary", "accent") else 3.0
        for background in BACKGROUNDS[theme]:
            assert contrast(colours[theme], background) >= least, f"{name} on {background}"


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("sight", SIGHTS)
def test_what_a_call_does_has_colours_that_every_reader_can_tell_apart(theme: str, sight: str) -> None:
    """Works, fails, callback and queue, next to each other in one row: CIE76 of at least 15."""
    names = ("works", "fails", "callback", "queue")
    seen = {name: lab_of(TABLE["colours"][name][theme], SIGHTS[sight]) for name in names}
    for one, other in combinations(names, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
        assert distance >= 15, f"{one} and {other}: {distance:.0f}"


def test_every_kind_and_state_is_in_the_table_and_has_words_in_both_languages() -> None:
    words = [json.loads((WEB / f"words/{language}.json").read_text("utf-8")) for language in ("en", "zh")]
    not_drawn = {Kind.FORWARDS, Kind.ACCEPTS}
    drawn = {kind.value for kind in Kind if kind not in not_drawn}

    assert drawn <= TABLE["spans"].keys() | TABLE["moments"].keys()
    assert TABLE["states"].keys() == {state.value for state in CallState}
    for catalogue in words:
        assert {f"span.{kind}" for kind in Kind} <= catalogue.keys()
        assert {f"span.{kind}" for kind in (*TABLE["spans"], *TABLE["moments"])} <= catalogue.keys()
        assert {f"state.{state}" for state in CallState} <= catalogue.keys()


def test_every_word_that_a_script_of_the_timeline_asks_for_exists_in_both_languages() -> None:
    page = WEB.parent / "inspector/page"
    scripts = [
        *(WEB / "timeline").glob("*.js"),
        page / "strip.js",
        page / "player.js",
        *page.glob("views/call*.js"),
    ]
    pattern = re.compile(r"""\b(?:say|words)\("([\w.]+)"[,)]""")
    asked = {key for script in scripts for key in pattern.findall(script.read_text("utf-8"))}

    assert len(asked) > 40
    for language in ("en", "zh"):
        catalogue = json.loads((WEB / f"words/{language}.json").read_text("utf-8"))
        assert asked <= catalogue.keys(), f"{language}: {sorted(asked - catalogue.keys())}"


def test_colours_of_spans_and_shapes_are_colours_of_the_table() -> None:
    styles = [style for group in ("spans", "moments", "states", "depth") for style in TABLE[group].values()]

    assert {style["colour"] for style in styles} <= TABLE["colours"].keys()


def test_no_script_of_the_timeline_is_longer_than_300_lines_or_fetches() -> None:
    for script in (WEB / "timeline").glob("*.js"):
        text = script.read_text("utf-8")
        assert text.count("\n") <= 300, script.name
        assert not re.search(
            r"\bfetch\(|XMLHttpRequest|EventSource|innerHTML|insertAdjacentHTML|localStorage", text
        )
