"""The statements of a notebook's text that need a proof."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.teaching.words import catalogue

FOLDER = Path(__file__).parents[2] / "notebooks"

_BEHAVIOUR = re.compile(
    r"\d|\b(not?|never|none|nothing|nobody|cannot|only|always|every|all|one|once|twice|two|three|four|five|ten|eleven"
    r"|do|does|doesn|discard(s|ed)?|lost|retr(y|ied|ies)|again|ignored|refused|kept|works?|fails?|failed|accepts?|waits?)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?:])\**\s+(?=[\"*`(]*[A-Z`])")
_NO_STATEMENT = re.compile(
    r"#|<|\*\*Predict\.|\* \*\*[A-D]\.|\|[ :|-]+\|$|\| Part \||\| \d\. |\* Whether|!\[|\[|\*\d+ minutes"
)


@dataclass(frozen=True)
class Statement:
    """A sentence, list item or table row; `cell` is the index of its cell."""

    text: str
    cell: int


def cells_of(notebook: str) -> list[dict[str, object]]:
    """Return a notebook's cells, as the file has them."""
    document = json.loads((FOLDER / notebook).read_text(encoding="utf-8"))
    cells: list[dict[str, object]] = document["cells"]
    return cells


def source(cell: dict[str, object]) -> str:
    return "".join(map(str, cell["source"])) if isinstance(cell["source"], list) else str(cell["source"])


def statements(notebook: str) -> Iterator[Statement]:
    """Yield every sentence of the text.

    Titles, aims, tasks and the options of questions state nothing. What a question replies stands in the
    catalogue, and belongs to the cell that asks it.
    """
    for index, cell in enumerate(cells_of(notebook)):
        if cell["cell_type"] == "code":
            markdown = "\n\n".join(replies(source(cell), notebook.partition("/")[0]))
        else:
            states = cell["id"] != "title" and not str(cell["id"]).endswith("-task")
            markdown = source(cell) if states else ""
        for block in _blocks(markdown):
            for text in [block] if block.startswith("|") else _SENTENCE_END.split(block):
                yield Statement(text, index)


def replies(code: str, language: str) -> Iterator[str]:
    """Yield what the questions of a code cell reply."""
    for asked in re.findall(r'lab\.(?:choose|arrange)\("([^"]+)"', code):
        for key, text in catalogue(language).items():
            if re.fullmatch(rf"(choose|arrange)\.{re.escape(asked)}\.(\w+\.why|right|wrong\..+)", key):
                yield str(text)


def needs_proof(statement: Statement) -> bool:
    """Return whether it is about behaviour, a status or a number."""
    is_question = statement.text.rstrip("*)").endswith("?")
    return not is_question and _BEHAVIOUR.search(statement.text) is not None


def _blocks(markdown: str) -> Iterator[str]:
    """Yield paragraphs, list items and table rows, each on one line."""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"</?(details|summary)>", "\n\n", markdown)):
        for block in re.split(r"\n(?=[*|#>])", paragraph.strip("\n")):
            text = " ".join(block.split())
            if text and not _NO_STATEMENT.match(text):
                yield text.removeprefix("* ")
