"""A cell that asks for a name which the notebook has not made yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from labkit.ipython.extension import LabExtension
from labkit.teaching.missing_names import missing_name


def error_of(code: str) -> NameError:
    with pytest.raises(NameError) as raised:
        exec(code, {})
    return raised.value


@pytest.mark.parametrize(
    ("notebook", "name", "cell", "part"),
    [
        ("00", "receipts", "receipts = [lab.invoke_async", "3. A call that you do not wait for"),
        ("00", "lab", "from labkit import Lab", "Welcome"),
        ("01", "Path", "from pathlib import Path", "2. A function of your own"),
        ("03", "deliver", "import httpx", "6. When to use it"),
        ("03", "call", "lab.invoke_async", "2. The headers of a callback"),
    ],
)
def test_the_cell_that_makes_a_name_is_told(notebook: str, name: str, cell: str, part: str) -> None:
    found = missing_name(error_of(name), name, {}, notebook, "en")

    assert found is not None
    assert not found
    assert f"`{name}`" in found.headline
    assert cell in found.next_step
    assert part in found.next_step


@pytest.mark.parametrize(
    ("code", "notebook"),
    [
        ("of_no_cell", "00"),
        ("receipts", ""),
        ("receipts", "99"),
        ("receipts = receipts[1:]", "00"),  # this cell makes it
        ("def f():\n    receipts += 1\n    receipts = []\nf()", "00"),
    ],
)
def test_no_cell_is_told_where_none_would_help(code: str, notebook: str) -> None:
    assert missing_name(error_of(code), code, {}, notebook, "en") is None


def test_a_name_that_is_there_now_is_not_missing() -> None:
    assert missing_name(error_of("receipts"), "receipts", {"receipts": []}, "00", "en") is None


def test_a_notebook_shows_it_below_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    shell: Any = SimpleNamespace(user_ns={}, display_pub=SimpleNamespace(publish=shown.append))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/my-notebooks/zh/00-welcome.ipynb")
    info = SimpleNamespace(raw_cell="len(receipts)")

    LabExtension(shell)._show_box(SimpleNamespace(error_in_exec=error_of("len(receipts)"), info=info))

    (box,) = shown
    assert "还没有 `receipts`" in box["text/plain"]
    assert "<code>receipts</code>" in box["text/html"]
