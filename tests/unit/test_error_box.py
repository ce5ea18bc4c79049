"""An error of the lab as a box: what it has, and that it is text."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest

from labkit.errors import NoLabError
from labkit.ipython.error_box import error_html, error_text
from labkit_services.contract.errors import LabError, LabTimeoutError

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x1b[31m\u202eevil\x00"


class Tree(HTMLParser):
    """The elements of a document, and the text of each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1], []).append(data)


def raised(error: LabError) -> LabError:
    try:
        raise error
    except LabError as caught:
        return caught


def test_a_box_has_what_was_expected_and_seen_the_log_and_the_next_step() -> None:
    error = LabTimeoutError("late", expected="a call", seen="none", log=["one", "two"], next_step="wait")

    tree = Tree(error_html(raised(error), lambda _: ""))

    assert tree.texts["dt"] == ["expected", "seen", "last log lines", "next"]
    assert tree.texts["dd"] == ["a call", "none", "wait"]
    assert tree.texts["pre"][0] == "one\ntwo"
    assert tree.texts["summary"] == ["Traceback"]
    assert ("aria-label", "about this LabTimeoutError") in tree.attributes
    assert error_text(error) == str(error).partition("\n")[2]


def test_a_box_without_details_has_only_the_traceback() -> None:
    tree = Tree(error_html(raised(NoLabError()), lambda _: ""))

    assert "dl" not in tree.tags
    assert tree.texts["pre"][0].endswith("NoLabError: No lab runs in this workspace.")
    assert error_text(NoLabError()) == ""


@pytest.mark.parametrize("where", ["headline", "expected", "seen", "next_step", "log"])
def test_whatever_an_error_holds_is_text(where: str) -> None:
    values = {where: [HOSTILE] if where == "log" else HOSTILE}
    error = LabError(values.pop("headline", "headline"), **values)  # type: ignore[arg-type]

    document = error_html(raised(error), lambda _: "")

    tree = Tree(document)
    assert set(tree.tags) <= {"section", "style", "dl", "dt", "dd", "pre", "details", "summary"}
    assert "\x1b" not in document
    assert "\u202e" not in document
    assert "\x00" not in document
    assert html.escape("<script>alert(1)</script>") in document
    assert "\x1b" not in error_text(error)


def test_the_traceback_begins_at_the_cell_and_names_it() -> None:
    def below() -> None:
        raise LabError("of below")

    try:
        below()
    except LabError as caught:
        error = caught
    document = error_html(error, lambda name: "Cell In[3]" if name == __file__ else "")

    trace = html.unescape(Tree(document).texts["pre"][-1]).splitlines()
    assert trace[0].startswith("Cell In[3], line ")
    assert trace[-2:] == ['    raise LabError("of below")', "LabError: of below"]


def test_a_cause_comes_first() -> None:
    try:
        try:
            {}["key"]
        except KeyError as error:
            raise LabError("late") from error
    except LabError as error:
        caught = error

    trace = Tree(error_html(caught, lambda _: "")).texts["pre"][-1]

    assert trace.index("KeyError: 'key'") < trace.index("which caused:") < trace.index("LabError: late")


def test_a_very_long_text_is_cut() -> None:
    document = error_html(raised(LabError("long", seen="x" * 1_000_000)), lambda _: "")

    assert len(document) < 50_000


def test_a_cause_that_leads_back_to_itself_ends() -> None:
    first, second = LabError("first"), LabError("second")
    first.__cause__, second.__cause__ = second, first

    assert "first" in error_html(raised(first), lambda _: "")
