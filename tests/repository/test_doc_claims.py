"""Each claim of README and docs stands beside the name of the test that holds it.

The names are in HTML comments, so a reader of the rendered page does not see them:
`<!-- test_a_name, test_another -->`, `<!-- tests/chaos -->`, or `<!-- source: … -->` for a
fact about another program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = (
    ("README.md", "What it offers"),
    ("README.md", "When calls fail"),
    ("README.md", "In a terminal"),
    ("docs/reliability.md", "What a 202 promises"),
    ("docs/reliability.md", "The disk, and JetStream's files"),
    ("docs/beyond-one-machine.md", "What scales by what"),
    ("docs/beyond-one-machine.md", "An OpenFaaS elsewhere"),
    *(("docs/binder.md", name) for name in ("Binder", "A JupyterHub", "A wheel")),
    ("docs/instructor-guide.md", "Hand it out"),
    ("docs/instructor-guide.md", "Help without giving it away"),
    ("docs/instructor-guide.md", "What the class has done"),
    ("docs/instructor-guide.md", "When Binder is down"),
    ("docs/instructor-guide.md", "What learners ask"),
    ("docs/architecture.md", "Processes, and how they end"),
    ("docs/architecture.md", "The services as images"),
    ("docs/architecture.md", "A call's way"),
    ("docs/architecture.md", "When a call fails"),
    ("docs/architecture.md", "What a bin answers"),
    ("docs/architecture.md", "Where the lab differs from OpenFaaS"),
)
"""The sections that say what labkit does; others define, measure or argue."""

_COMMENT = re.compile(r"<!-- (.*?) -->")
_DEFINITIONS = {("docs/architecture.md", "| Part | What it decides or does |")}


def blocks(name: str, heading: str) -> Iterator[str]:
    """Yield the list items, table rows and paragraphs of a section."""
    text = (ROOT / name).read_text(encoding="utf-8")
    _, found, section = text.partition(f"\n## {heading}\n")
    assert found, f"{name} has no section {heading!r}"
    section = re.sub(r"```.*?```", "", section.partition("\n## ")[0], flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", section):
        if paragraph.strip() and not paragraph.lstrip("\n").startswith("    "):
            rows = re.split(r"\n(?=[*|])", paragraph.strip("\n"))
            if rows[0].startswith("|"):
                rows = [] if (name, rows[0]) in _DEFINITIONS else rows[2:]
            yield from rows


@pytest.mark.parametrize(("name", "heading"), SECTIONS, ids=lambda value: str(value))
def test_a_claim_names_what_holds_it(name: str, heading: str) -> None:
    found = list(blocks(name, heading))

    assert found
    assert [block[:100] for block in found if not _COMMENT.search(block)] == []


def test_the_named_tests_and_folders_exist() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = [
        (name, comment)
        for name, heading in SECTIONS
        for block in blocks(name, heading)
        for comment in _COMMENT.findall(block)
    ]
    wrong = [
        (name, part)
        for name, comment in named
        for part in comment.split(", ")
        if not part.startswith("source: ")
        and not (f"def {part}(" in written or (part.startswith("tests/") and (ROOT / part).exists()))
    ]

    assert wrong == []
