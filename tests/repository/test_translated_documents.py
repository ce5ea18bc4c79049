"""A translated document says what the English one says: its code, its rows, the tests that hold them.

Each section names the text that it translates, by the first 12 hex digits of its sha256.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_GENERATED = re.compile(r"<!-- begin: generated.*?<!-- end: generated.*?-->", re.DOTALL)
_SOURCE = re.compile(r"<!-- source=(\w+) -->")


def sections(name: str) -> list[str]:
    """Return the texts between the headings of a document."""
    text = _GENERATED.sub("", (ROOT / name).read_text(encoding="utf-8"))
    return re.split(r"^## .*\n", text, flags=re.MULTILINE)


DOCUMENTS = ("README", "docs/instructor-guide")


class TranslatedDocument:
    """The sections of a document in both languages."""

    def __init__(self, name: str) -> None:
        self.english = sections(f"{name}.md")
        self.chinese = sections(f"{name}.zh.md")
        self.folder = (ROOT / name).parent
        self.name = (ROOT / name).name


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> TranslatedDocument:
    return TranslatedDocument(request.param)


def code(section: str) -> list[str]:
    return re.findall(r"```.*?```", section, flags=re.DOTALL)


def rows(section: str) -> list[str]:
    """Return the rows of a table below its heading."""
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def claims(text: str) -> list[str]:
    return [each for each in re.findall(r"<!-- (.*?) -->", text) if not each.startswith("source=")]


def test_every_section_translates_the_text_as_it_is_now(document: TranslatedDocument) -> None:
    current = [hashlib.sha256(section.strip().encode()).hexdigest()[:12] for section in document.english]

    assert [_SOURCE.findall(section) for section in document.chinese] == [[digest] for digest in current]


def test_the_code_is_the_same(document: TranslatedDocument) -> None:
    assert [code(section) for section in document.chinese] == [code(section) for section in document.english]


def test_each_row_and_each_sentence_names_the_same_tests(document: TranslatedDocument) -> None:
    for chinese, english in zip(document.chinese, document.english, strict=True):
        assert [claims(row) for row in rows(chinese)] == [claims(row) for row in rows(english)]
        assert claims(chinese) == claims(english)


def test_names_in_code_are_the_same_in_each_row(document: TranslatedDocument) -> None:
    def names(row: str) -> list[str]:
        return sorted(re.findall(r"`([^`]+)`", row))

    assert [names(row) for section in document.chinese for row in rows(section)] == [
        names(row) for section in document.english for row in rows(section)
    ]


def test_each_page_links_to_the_other(document: TranslatedDocument) -> None:
    assert f"({document.name}.zh.md)" in document.english[0]
    assert f"({document.name}.md)" in document.chinese[0]


def test_linked_files_exist(document: TranslatedDocument) -> None:
    text = "".join(document.chinese)
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"", text)

    assert [
        each for found in linked for each in found if each and not (document.folder / each).exists()
    ] == []
