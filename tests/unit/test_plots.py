"""Plots are readable in any theme, and by readers of any sight."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from call_events import (
    BEGIN,
    accepted,
    async_run,
    attempt,
    event,
    measured,
    retry,
    sync_run,
)
from PIL import Image

from labkit.views.measurement import Measurement
from labkit.views.plots import Picture, PredictedWait, plot_queue_depth, plot_timelines
from labkit.views.plots.style import BARS, DARK, LIGHT, MARKS, THEMES, Theme
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.events import Event, EventType


@pytest.fixture(scope="module")
def sync_ten() -> Measurement:
    return measured("sync", sync_run(10))


@pytest.fixture(scope="module")
def async_ten() -> Measurement:
    return measured("async", async_run(10, 1))


def eventful() -> Measurement:
    """Return a run with calls of every outcome."""
    worker = "queue-worker"
    events: list[Event] = [
        *accepted("retried"),
        *attempt("retried", 0.1, 1.0, 1, 500, acked=False),
        retry("retried", 1.1005, 1, 1.0),
        *attempt("retried", 2.2, 1.0, 2),
        event(3.3, EventType.CALLBACK_SENT, "retried", 2, worker, url="http://127.0.0.1:8090/r/x"),
        event(3.4, EventType.CALLBACK_ANSWERED, "retried", 2, worker, status=200),
        *accepted("dead"),
        *attempt("dead", 0.1, 1.0, 1, 500, acked=False),
        event(1.2, EventType.CALLBACK_SENT, "dead", 1, worker, url="http://127.0.0.1:1/"),
        event(1.3, EventType.CALLBACK_ANSWERED, "dead", 1, worker, error="connection refused"),
        event(1.4, EventType.DELIVERY_DEAD, "dead", 1, worker, reason="attempts used up"),
        *accepted("cancelled"),
        event(1.5, EventType.CALL_CANCELLED, "cancelled"),
        *accepted("lost"),
        *attempt("lost", 0.1, 1.0, acked=False)[:5],
        *attempt("lost", 2.0, 1.0, 2),
        event(0, EventType.CLIENT_SENT, "rejected", service="client", mode="async"),
        event(0.3, EventType.CLIENT_ANSWERED, "rejected", service="client", status=413),
        *accepted("unfinished"),
        *attempt("unfinished", 3.4, 1.0)[:5],
    ]
    return measured("async", events)


def legend(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.figure.legends[0].get_texts()]


def panels(picture: Picture) -> list[Any]:
    """Return the panels with calls: strips have no label on their left."""
    return [axes for axes in picture.figure.axes if axes.get_ylabel()]


def labels(axes: Any) -> set[str]:
    return {text.get_text() for text in axes.texts}


def bars(picture: Picture, name: str) -> list[Any]:
    """Return the extents of the bars of one kind, in the first panel."""
    (found,) = (each for each in picture.figure.axes[0].collections if each.get_gid() == name)
    return [path.get_extents() for path in found.get_paths()]


def texts(picture: Picture) -> str:
    return "\n".join(text.get_text() for axes in picture.figure.axes for text in axes.texts)


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2), from 0 to 1."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2), from 1 to 21."""
    lighter, darker = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_totals_are_in_the_figure_and_in_its_description(
    sync_ten: Measurement, async_ten: Measurement
) -> None:
    picture = plot_timelines(async_ten, sync_ten)

    for words in (texts(picture), picture.alt):
        assert "the caller waited 10.1 s" in words
        assert "the caller was free after 0.02 s, the last call was done after 10.2 s" in words


def test_a_prediction_is_a_line_in_its_run_and_in_words(
    sync_ten: Measurement, async_ten: Measurement
) -> None:
    picture = plot_timelines(
        async_ten, sync_ten, predicted=lambda run: PredictedWait(5 if run.mode == "sync" else 12)
    )
    above, below = panels(picture)

    assert [list(line.get_xdata()) for line in (above.lines[-1], below.lines[-1])] == [[5, 5], [12, 12]]
    assert {"you predicted 5 s"} <= labels(above)
    assert {"you predicted 12 s"} <= labels(below)
    assert below.get_xlim()[1] > 12
    assert legend(picture)[-1] == "your prediction"
    for words in (texts(picture), picture.alt):
        assert "the caller waited 10.1 s (you predicted 5 s)" in words
        assert "the caller was free after 0.02 s (you predicted 12 s), the last call was done after" in words


def test_a_prediction_of_the_end_stands_beside_the_end(sync_ten: Measurement, async_ten: Measurement) -> None:
    end = PredictedWait(8, is_end=True)
    picture = plot_timelines(sync_ten, async_ten, predicted=lambda run: end if run is async_ten else None)
    above, below = panels(picture)

    assert "you predicted 8 s" not in labels(above)
    assert list(below.lines[-1].get_xdata()) == [8, 8]
    assert "the last call was done after 10.2 s (you predicted 8 s)" in picture.alt


def test_a_prediction_far_off_leaves_the_run_readable(sync_ten: Measurement) -> None:
    picture = plot_timelines(sync_ten, predicted=lambda _: PredictedWait(1000))

    assert picture.figure.axes[0].get_xlim()[1] < 12
    assert "you predicted 1000 s" in picture.alt
    assert "you predicted 1000 s →" in labels(picture.figure.axes[0])
    assert "your prediction" not in legend(picture)


def test_runs_of_one_mode_keep_their_order(async_ten: Measurement) -> None:
    eight = replace(async_ten, calls=async_ten.calls[:8])
    above, below = panels(plot_timelines(eight, async_ten))

    assert above.texts[0].get_text().startswith("8 asynchronous")
    assert below.texts[0].get_text().startswith("10 asynchronous")


def test_sync_is_above_async_on_one_time_axis(sync_ten: Measurement, async_ten: Measurement) -> None:
    above, below = panels(plot_timelines(async_ten, sync_ten))

    assert "synchronous calls" in above.texts[0].get_text()
    assert "asynchronous calls" in below.texts[0].get_text()
    assert above.get_xlim() == below.get_xlim()
    assert above.get_position().y0 > below.get_position().y1


def test_bars_match_the_spans(async_ten: Measurement) -> None:
    picture = plot_timelines(async_ten)

    works, queued = bars(picture, "works"), bars(picture, "queued")
    assert [round(box.width, 2) for box in works] == [1.01] * 10
    assert [round(box.x1, 1) for box in queued] == [0.0, 1.1, 2.1, 3.1, 4.1, 5.2, 6.2, 7.2, 8.2, 9.2]
    assert all(box.height > 4 * line.height for box, line in zip(works, queued, strict=True))


def test_response_is_marked(sync_ten: Measurement) -> None:
    (axes,) = plot_timelines(sync_ten).figure.axes

    (answers,) = axes.lines
    assert [round(float(time), 1) for time in answers.get_xdata()] == [
        round(1.008 + 1.01 * number, 1) for number in range(10)
    ]


def test_legend_lists_only_what_is_drawn(sync_ten: Measurement, async_ten: Measurement) -> None:
    assert legend(plot_timelines(sync_ten)) == [
        "the caller waits",
        "the function works",
        "the caller has its answer",
    ]
    assert "waits for a free worker" in legend(plot_timelines(sync_ten, async_ten))
    assert legend(plot_timelines(eventful())) == [
        *(style.label() for style in BARS.values()),
        *(style.label() for style in MARKS.values()),
    ]


def test_description_reports_failures_and_retries() -> None:
    picture = plot_timelines(eventful())

    assert "5 of 6 calls were over, 1 failed, 1 dead-lettered, 1 cancelled, 2 took more" in picture.alt
    assert "2 took more than one attempt; at most 5 in the queue (after 0.002 s)" in picture.alt
    assert "1 dead-lettered" in texts(picture).replace("\n", " ")


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_colours_have_enough_contrast(theme: Theme) -> None:
    """WCAG 2.2: 4.5:1 for text, 3:1 for graphics.

    JupyterLab and VS Code have different dark backgrounds.
    """
    backgrounds = {LIGHT: ["#ffffff"], DARK: ["#111111", "#1e1e1e", "#212121"]}[theme]

    assert backgrounds[0] == theme.background
    for background in backgrounds:
        assert contrast(theme.text, background) >= 4.5
        for colour in (theme.waits, theme.queue, theme.lease, theme.works, theme.fails, theme.callback):
            assert contrast(colour, background) >= 3


def test_contrast_matches_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_no_information_depends_on_colour_alone() -> None:
    shapes = [(s.centre, s.height, s.hatch, s.is_filled, s.line) for s in BARS.values()]

    assert len(set(shapes)) == len(shapes)
    assert len({style.marker for style in MARKS.values()}) == len(MARKS)


def test_notebook_shows_the_image_of_its_theme_with_a_description(sync_ten: Measurement) -> None:
    picture = plot_timelines(sync_ten)

    shown = picture._repr_mimebundle_(include=None, exclude=None)

    assert shown["text/plain"] == f"<Picture: {picture.alt}>"
    images = re.findall(r'<img class="labkit-(\w+)" alt="([^"]+)" style="([^"]*)"', shown["text/html"])
    assert [(name, alt) for name, alt, _ in images] == [("light", picture.alt), ("dark", picture.alt)]
    # If a front end strips <style>, only the light image is shown.
    assert ["display: none" in style for *_, style in images] == [False, True]
    light, dark = (
        base64.b64decode(data).decode() for data in re.findall(r"base64,([^\"]+)", shown["text/html"])
    )
    assert LIGHT.works in light
    assert DARK.works not in light
    assert DARK.works in dark


def test_description_is_escaped() -> None:
    run = Measurement('<b>"x', "sync", (), BEGIN, BEGIN)

    assert "<b>" not in plot_timelines(run)._repr_mimebundle_()["text/html"]


def test_saved_png_has_background_and_description(sync_ten: Measurement, tmp_path: Path) -> None:
    picture = plot_timelines(sync_ten)

    for theme in THEMES.values():
        with Image.open(picture.save(tmp_path / "run.png", theme=theme.name)) as image:
            assert image.info["Description"] == picture.alt
            corner: Any = image.convert("RGBA").getpixel((0, 0))
            assert "#" + bytes(corner[:3]).hex() == theme.background
            assert corner[3] == 255


def test_saved_svg_has_a_title_and_is_reproducible(sync_ten: Measurement, tmp_path: Path) -> None:
    files = [plot_timelines(sync_ten).save(tmp_path / name) for name in ("a.svg", "b.svg")]

    assert files[0].read_bytes() == files[1].read_bytes()
    assert f"<title>{plot_timelines(sync_ten).alt}</title>" in files[0].read_text()


def test_image_on_a_page_is_transparent() -> None:
    many = measured("sync", sync_run(260, 0.01))  # Enough calls for the page to get a PNG.

    html = plot_timelines(many)._repr_mimebundle_()["text/html"]

    data = re.findall(r"data:image/png;base64,([^\"]+)", html)[0]
    with Image.open(BytesIO(base64.b64decode(data))) as image:
        pixel: Any = image.convert("RGBA").getpixel((0, 0))
        assert pixel[3] == 0


def test_save_errors_name_the_remedy(sync_ten: Measurement, tmp_path: Path) -> None:
    picture = plot_timelines(sync_ten)

    with pytest.raises(InvalidValueError, match=r"expected: a name that ends in \.png, \.svg, \.pdf"):
        picture.save(tmp_path / "run.jpeg")
    with pytest.raises(LabError, match=r"next: +choose another folder"):
        picture.save(tmp_path / "none" / "run.png")
    with pytest.raises(InvalidValueError, match="expected: light or dark"):
        picture.save(tmp_path / "run.png", theme="blue")  # type: ignore[arg-type]


def test_plot_without_runs_is_rejected() -> None:
    with pytest.raises(LabError, match="there is no run to draw"):
        plot_timelines()


@pytest.mark.parametrize("calls", [1, 10, 100])
def test_any_number_of_calls_fits(calls: int, tmp_path: Path) -> None:
    picture = plot_timelines(
        measured("sync", sync_run(calls, 0.1)), measured("async", async_run(calls, 4, 0.1))
    )

    with Image.open(picture.save(tmp_path / "run.png")) as image:
        assert image.height <= 1700


@pytest.mark.parametrize(
    "run",
    [
        Measurement("long-task", "sync", (), BEGIN, BEGIN),
        measured("async", async_run(3, 1), until=0.001),
        measured("async", async_run(3, 1), until=1.5),
        measured("sync", sync_run(3), until=1.5),
        measured("sync", [event(1, EventType.PROCESS_EXITED, service="watchdog", pid=1, code=0)]),
    ],
    ids=["empty", "just sent", "half done", "half answered", "only a trace"],
)
def test_empty_and_partial_runs_can_be_drawn(run: Measurement, tmp_path: Path) -> None:
    for picture in (plot_timelines(run), plot_queue_depth(run)):
        assert picture.save(tmp_path / "run.png").stat().st_size > 0


def test_queue_depth_reports_peaks_and_when_the_queue_was_empty(async_ten: Measurement) -> None:
    picture = plot_queue_depth(async_ten)

    assert picture.alt == (
        "Queue depth over time. 10 asynchronous calls of long-task: "
        "at most 9 in the queue (after 0.02 s), empty after 9.23 s, at most 1 in flight."
    )
    depth, flight = picture.figure.axes[0].lines
    assert max(depth.get_ydata()) == 9
    assert max(flight.get_ydata()) == 1
    assert legend(picture) == ["in the queue", "in flight"]


def test_queue_depth_of_synchronous_calls_reports_no_queue(sync_ten: Measurement) -> None:
    assert "nothing was queued, at most 1 in flight" in plot_queue_depth(sync_ten).alt


def test_queue_depth_reports_calls_still_queued() -> None:
    run = measured("async", async_run(10, 1), until=4.5)

    assert "5 still there at the end" in plot_queue_depth(run).alt


def test_a_refusal_of_two_milliseconds_is_seen_in_a_long_run(tmp_path: Path) -> None:
    events = [
        *accepted("refused"),
        *attempt("refused", 0.1, 0.002, 1, 429, acked=False),
        retry("refused", 0.103, 1, 5.0),
        *attempt("refused", 5.1, 1.0, 2),
    ]
    path = tmp_path / "run.png"
    plot_timelines(measured("async", events)).save(path, theme="light")
    fails = [int(LIGHT.fails[at : at + 2], 16) for at in (1, 3, 5)]

    with Image.open(path) as image:
        calls = image.convert("RGB").crop((0, 0, image.width, image.height // 2))  # above the legend
        colours = calls.getcolors(calls.width * calls.height) or []
    like = [
        count
        for count, pixel in colours
        if all(abs(a - b) < 40 for a, b in zip(pixel, fails, strict=True))  # type: ignore[arg-type]
    ]

    assert sum(like) > 10
