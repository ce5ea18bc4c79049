"""The README's code below "When calls fail" runs unchanged."""

from __future__ import annotations

import re
from pathlib import Path

from labs import start_lab

README = Path(__file__).parents[2] / "README.md"


def code_below(heading: str) -> str:
    """Return the first Python block below a heading."""
    _, _, text = README.read_text().partition(f"\n## {heading}\n")
    block = re.search(r"```python\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    assert block is not None, heading
    return block[1]


def test_code_below_when_calls_fail_runs_unchanged(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        shown: dict[str, object] = {"lab": lab}
        exec(code_below("When calls fail"), shown)

        call = shown["call"]
        assert call.status().state == "cancelled"  # type: ignore[attr-defined]
        assert lab.queue("slow-lane").dead == 0
