"""README.zh.md says what README.md says: its code, its rows, the tests that hold them.

Each section names the text that it translates, by the first 12 hex digits of its sha256.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_GENERATED = re.compile(r"<!-- begin: generated.*?<!-- end: generated.*?-->", re.DOTALL)
_SOURCE = re.compile(r"<!-- source=(\w+) -->")


def sections(name: str) -> list[str]:
    """Return the texts between the headings of a README."""
    text = _GENERATED.sub("", (ROOT / name).read_text(encoding="utf-8"))
    return re.split(r"^## .*\n", text, flags=re.MULTILINE)


ENGLISH, CHINESE = sections("README.md"), sections("README.zh.md")


def code(section: str) -> list[str]:
    return re.findall(r"```.*?```", section, flags=re.DOTALL)


def rows(section: str) -> list[str]:
    """Return the rows of a table below its heading."""
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def claims(text: str) -> list[str]:
    return [each for each in re.findall(r"<!-- (.*?) -->", text) if not each.startswith("source=")]


def test_every_section_translates_the_text_as_it_is_now() -> None:
    current = [hashlib.sha256(section.strip().encode()).hexdigest()[:12] for section in ENGLISH]

    assert [_SOURCE.findall(section) for section in CHINESE] == [[digest] for digest in current]


def test_the_code_is_the_same() -> None:
    assert [code(section) for section in CHINESE] == [code(section) for section in ENGLISH]


def test_each_row_and_each_sentence_names_the_same_tests() -> None:
    assert [len(rows(section)) for section in CHINESE] == [len(rows(section)) for section in ENGLISH]
    assert [claims(row) for section in CHINESE for row in rows(section)] == [
        claims(row) for section in ENGLISH for row in rows(section)
    ]
    assert [claims(section) for section in CHINESE] == [claims(section) for section in ENGLISH]


def test_names_in_code_are_the_same_in_each_row() -> None:
    def names(row: str) -> list[str]:
        return sorted(re.findall(r"`([^`]+)`", row))

    assert [names(row) for section in CHINESE for row in rows(section)] == [
        names(row) for section in ENGLISH for row in rows(section)
    ]


def test_each_page_links_to_the_other() -> None:
    assert "(README.zh.md)" in ENGLISH[0]
    assert "(README.md)" in CHINESE[0]


def test_linked_files_exist() -> None:
    text = "".join(CHINESE)
    linked = re.findall(r"\]\(([^)#]+)[^)]*\)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"", text)

    assert [each for found in linked for each in found if each and not (ROOT / each).exists()] == []
