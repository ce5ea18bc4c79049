"""The README's Python code runs unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import start_lab

from labkit import Lab

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("readme")) as lab:
        yield lab


def code_below(heading: str) -> str:
    """Return the first Python block below a heading."""
    _, _, text = README.read_text().partition(f"\n## {heading}\n")
    block = re.search(r"```python\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    assert block is not None, heading
    return block[1]


def test_the_code_runs_unchanged(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second block continues the first one, as for a reader."""
    monkeypatch.setenv("LABKIT_WORKSPACE", str(lab.aio.workspace.root))
    shown: dict[str, object] = {}

    exec(code_below("In Python"), shown)
    assert shown["lab"].gateway_url == lab.gateway_url  # type: ignore[attr-defined]
    assert shown["sync"].states["done"] == shown["async_"].states["done"] == 10  # type: ignore[attr-defined]
    assert r"|_____\__,_|" in capsys.readouterr().out

    exec(code_below("When calls fail"), shown)
    assert shown["call"].status().state == "cancelled"  # type: ignore[attr-defined]
    assert lab.queue("slow-lane").dead == 0
