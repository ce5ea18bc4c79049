"""An error of the lab as a small box, for a notebook; pure."""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable, Iterator

from labkit.language import translated
from labkit.views.box import box_style
from labkit_services.contract.errors import LabError
from labkit_services.contract.wire_text import printable

NameOfFile = Callable[[str], str]
"""What a learner calls a code's file: ``Cell In[3]``; "" if it is no cell."""

_MOST_CHARACTERS = 20_000
_STYLE = box_style("labkit-error", "var(--jp-error-color1,#c62828)")


def error_html(error: LabError, name_of_file: NameOfFile) -> str:
    """Return what stands below the error's headline, as HTML.

    All that the error holds is text in it, whatever it contains.
    """
    log = f'<pre tabindex="0">{_escaped(chr(10).join(error.log))}</pre>' if error.log else ""
    rows = [
        ("expected", _escaped(translated(error.expected))),
        ("seen", _escaped(translated(error.seen))),
        (error.log_label, log),
        ("next", _escaped(translated(error.next_step))),
    ]
    about = f"about this {type(error).__name__}"
    trace = _escaped("\n".join(_traceback(error, name_of_file)))
    body = "".join(f"<dt>{translated(label)}</dt><dd>{content}</dd>" for label, content in rows if content)
    return (
        f'<section class="labkit-error" aria-label="{_escaped(translated(about))}">'
        f"<style>{_STYLE}</style>"
        + (f"<dl>{body}</dl>" if body else "")
        + f'<details><summary>{translated("Traceback")}</summary><pre tabindex="0">{trace}</pre>'
        + "</details></section>"
    )


def error_text(error: LabError) -> str:
    """Return what stands below the headline, as text."""
    return "\n".join(printable(str(error), "\n").split("\n")[1 + error.headline.count("\n") :])


def _escaped(text: str) -> str:
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
    return html.escape(printable(shown, "\n\t"))


def _traceback(error: BaseException, name_of_file: NameOfFile) -> Iterator[str]:
    """Yield the lines of a traceback, from the learner's cell on."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    for number, each in enumerate(reversed(chain)):
        if number:
            yield "\nwhich caused:\n"
        frames = list(traceback.extract_tb(each.__traceback__))
        cells = [index for index, frame in enumerate(frames) if name_of_file(frame.filename)]
        for frame in frames[cells[0] if cells else 0 :]:
            where = name_of_file(frame.filename) or f"File {frame.filename}"
            yield f"{where}, line {frame.lineno}, in {frame.name}"
            if frame.line:
                yield f"    {frame.line}"
        yield f"{type(each).__name__}: {str(each).partition(chr(10))[0]}"
