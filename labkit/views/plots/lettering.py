"""Text in plots: its language, the fonts that can draw it, lines that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from unicodedata import category, east_asian_width

from labkit.views.words import ENGLISH, ViewWords, view_catalogue

if TYPE_CHECKING:
    from matplotlib.font_manager import FontManager

_ALIAS = "labkit Chinese"
_CHINESE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei"),
    *("PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "SimHei", "DengXian", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "Droid Sans Fallback", "Noto Sans CJK JP", "Arial Unicode MS", "SimSun"),
)
"""Sans-serif fonts of Linux, Windows and macOS, best first. Of a font file
with several languages matplotlib knows the first, which may be Japanese: it
has the same characters."""
_CLOSING = ("Po", "Pe", "Pf")  # Unicode categories: not at the begin of a line

_UNIT = re.compile(r"(\d) s\b")


@contextmanager
def lettering(words: ViewWords) -> Iterator[ViewWords]:
    """Draw with fonts that have the words' characters.

    Yields:
        The words to draw: English ones where no font has Chinese.
    """
    import matplotlib as mpl

    if words.language == "en" or not can_draw(words):
        with mpl.rc_context({"font.family": ["DejaVu Sans"]}):
            yield ENGLISH
    else:
        with mpl.rc_context({"font.family": ["DejaVu Sans", _ALIAS]}):
            yield words


def can_draw(words: ViewWords) -> bool:
    """Tell whether plots have the words' language."""
    return words.language == "en" or bool(chinese_font())


@cache
def chinese_font() -> str:
    """Return the name of a font that has all Chinese characters in use.

    matplotlib then knows it by the name ``_ALIAS``; "" if there is none.
    """
    from matplotlib.font_manager import fontManager

    files = _files(fontManager)
    if not files:
        _add_new_fonts(fontManager)
        files = _files(fontManager)
    for name in _CHINESE_FONTS:
        if name in files and _has_all(files[name]):
            _register(fontManager, files[name])
            return name
    return ""


def _files(manager: FontManager) -> dict[str, str]:
    """Return the files of the Chinese fonts that matplotlib knows."""
    by_boldness = sorted(manager.ttflist, key=lambda entry: abs(_weight(entry) - 400), reverse=True)
    return {entry.name: entry.fname for entry in by_boldness if entry.name in _CHINESE_FONTS}


def _weight(entry: Any) -> int:
    return entry.weight if isinstance(entry.weight, int) else 400


def _add_new_fonts(manager: FontManager) -> None:
    # matplotlib keeps its list of fonts in a file, which is not made anew
    # when a font is installed.
    from matplotlib.font_manager import findSystemFonts

    known = {entry.fname for entry in manager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        with suppress(RuntimeError, OSError):  # not a font that matplotlib reads
            manager.addfont(path)


def _register(manager: FontManager, path: str) -> None:
    """Give the font a name of our own, for plain and bold text.

    A font without a bold face, or of another weight, would be warned of each
    time.
    """
    from matplotlib.font_manager import FontEntry

    manager.ttflist += [FontEntry(fname=path, name=_ALIAS, weight=weight) for weight in (400, 700)]


def _has_all(path: str) -> bool:
    from matplotlib.font_manager import get_font

    texts = "".join(str(entry) for entry in view_catalogue("zh").values())
    return {ord(letter) for letter in texts if ord(letter) > 0x2E80} <= get_font(path).get_charmap().keys()


def text_width(text: str) -> int:
    """Return the width of a text in letters: Chinese ones count twice."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def wrapped(text: str, letters: int) -> list[str]:
    """Return lines of at most ``letters``.

    They end at a space or after a Chinese character, not between a number and
    its unit; a word that is longer is cut.
    """
    lines, line = [], ""
    for piece in _pieces(_UNIT.sub("\\1\N{NO-BREAK SPACE}s", text), letters):
        if line and text_width((line + piece).rstrip()) > letters:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    lines += [line.rstrip()] if line.strip() else []
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _pieces(text: str, letters: int) -> Iterator[str]:
    piece = ""
    for index, letter in enumerate(text):
        piece += letter
        following = text[index + 1 : index + 2]
        is_wide = text_width(letter) == 2 or (following and text_width(following) == 2)
        is_closing = following != "" and category(following) in _CLOSING
        is_end = (is_wide and not is_closing) or letter == " " or text_width(piece) >= letters
        if is_end:
            yield piece
            piece = ""
    if piece:
        yield piece
