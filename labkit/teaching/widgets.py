"""Questions, lines to order and hints with buttons, in a notebook.

ipywidgets take a third of a second to import: this module is imported when
the first of them is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from labkit.teaching.arranging import arrange, arrangement_text
from labkit.teaching.desk import Desk
from labkit.teaching.hints import LEVELS, hint, hints_to, seen_level
from labkit.teaching.questions import answer, options_of, question_text
from labkit.teaching.registry import question
from labkit.teaching.verdict import CourseVerdict, shown

# Options are sentences: they wrap, where ipywidgets would cut them off.
_STYLE = """<style>
.labkit-quiz .widget-radio-box label{height:auto;white-space:normal;line-height:1.5;padding:3px 0;\
display:flex;flex-direction:row-reverse;justify-content:flex-end;gap:6px;\
align-items:flex-start;width:auto;overflow:visible}
.labkit-quiz .widget-radio-box input{flex:none;margin:2px 2px 0}
.labkit-quiz .widget-html-content,.labkit-quiz .widget-radio-box label{\
font:var(--jp-ui-font-size1,13px)/1.5 var(--jp-ui-font-family,sans-serif);\
color:var(--jp-ui-font-color1,inherit)}
.labkit-quiz code{font-family:var(--jp-code-font-family,monospace)}
</style>"""
_WIDE = {"width": "auto", "max_width": "64rem"}


def _box(*parts: Any) -> Any:
    box = ipywidgets.VBox(parts, layout=ipywidgets.Layout(**_WIDE))
    box.add_class("labkit-quiz")
    return box


def _html(text: str) -> Any:
    return ipywidgets.HTML(text, layout=ipywidgets.Layout(**_WIDE))


def _button(text: str, on_click: Callable[[], None], **options: Any) -> Any:
    button = ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="max-content"), **options)
    button.on_click(lambda _: on_click())
    return button


def _show(place: Any, verdict: CourseVerdict) -> None:
    place.value = verdict.html()


def choice_widget(desk: Desk, id_: str) -> Any:
    """Return a question with its options and a button."""
    options = [(text.replace("`", ""), letter) for letter, text in options_of(desk, question(id_))]
    heading = _html(_STYLE + f"<strong>{shown(question_text(desk, id_).text)}</strong>")
    radio = ipywidgets.RadioButtons(options=options, value=None, layout=ipywidgets.Layout(**_WIDE))
    reply = _html("")

    def click() -> None:
        if radio.value is None:
            reply.value = shown(desk.words.text("choose.first"))
        else:
            _show(reply, answer(desk, id_, radio.value))

    return _box(heading, radio, _button(desk.words.text("choose.button"), click), reply)


def arrange_widget(desk: Desk, id_: str) -> Any:
    """Return lines with buttons that move them up and down."""
    asked, words = arrangement_text(desk, id_), desk.words
    lines = dict(asked.lines)
    order = list(lines)
    rows, reply = ipywidgets.VBox(), _html("")

    def move(letter: str, by: int) -> None:
        place = order.index(letter)
        order.insert(place + by, order.pop(place))
        draw()

    def draw() -> None:
        rows.children = [row(place, letter) for place, letter in enumerate(order)]

    def row(place: int, letter: str) -> Any:
        buttons = [
            ipywidgets.Button(
                description=sign,
                tooltip=words.text(f"arrange.{name}"),
                disabled=not 0 <= place + by < len(order),
                layout=ipywidgets.Layout(width="34px", flex="none"),
            )
            for sign, name, by in (("↑", "up", -1), ("↓", "down", 1))
        ]
        for button, by in zip(buttons, (-1, 1), strict=True):
            button.on_click(lambda _, by=by: move(letter, by))
        text = _html(f"{place + 1}. {shown(lines[letter])}")
        return ipywidgets.HBox([*buttons, text], layout=ipywidgets.Layout(align_items="center"))

    draw()
    button = _button(words.text("arrange.button"), lambda: _show(reply, arrange(desk, id_, order)))
    return _box(_html(_STYLE + f"<strong>{shown(asked.text)}</strong>"), rows, button, reply)


def hint_widget(desk: Desk, id_: str) -> Any:
    """Return a button that shows one hint more, and those seen before."""
    words, place = desk.words, _html("")

    def label() -> None:
        level = seen_level(desk, id_)
        button.description = words.text("hint.button", level=min(level + 1, LEVELS), of=LEVELS)
        button.disabled = level >= LEVELS

    def click() -> None:
        _show(place, hint(desk, id_))
        label()

    button = _button("", click)
    label()
    if level := seen_level(desk, id_):
        _show(place, hints_to(desk, id_, level))
    return _box(_html(_STYLE), place, button)
