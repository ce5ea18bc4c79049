"""The control panel as a text: what a saved notebook and a terminal show."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, cast

import pytest

import labkit_services
from labkit import Lab
from labkit.lab.bin import Bin
from labkit.live import display
from labkit.live.control_list import ControlList
from labkit.live.parts import ViewParts
from labkit.live.script import words

NO_FEED: Any = cast("Any", None)
PANEL = Path(labkit_services.__file__).parent / "web/panel"


def python_calls(lang: str) -> list[str]:
    return [call for _, controls in ControlList(lang).sections() for _, call in controls]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_python_call_is_one_of_the_lab_s_methods_with_its_parameters(lang: str) -> None:
    methods = {"lab": Lab, "lab.bin('callbacks')": Bin}
    for call in python_calls(lang):
        calls = [node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call)]
        assert calls
        for node in calls:
            assert isinstance(node.func, ast.Attribute)
            method = getattr(methods[ast.unparse(node.func.value)], node.func.attr)
            keywords = {keyword.arg for keyword in node.keywords}
            assert keywords <= set(inspect.signature(method).parameters), call


def test_it_is_a_short_text_that_is_the_same_each_time() -> None:
    text = repr(ControlList())
    assert text == repr(ControlList("en"))
    assert text.count("\n") < 25
    assert max(map(len, text.splitlines())) <= 79
    assert ControlList()._repr_mimebundle_() == {"text/plain": text}


def test_the_languages_have_the_same_calls_and_the_table_escapes_them() -> None:
    assert python_calls("en") == python_calls("zh")
    html = ControlList("zh").html()
    assert "lab.invoke(&quot;echo&quot;)" in html
    assert html.count("<tr>") == len(python_calls("zh")) + len(ControlList("zh").sections())


def test_every_word_of_the_panel_is_in_the_catalogue() -> None:
    text = "\n".join(file.read_text("utf-8") for file in sorted(PANEL.glob("*.js")))
    used = set(re.findall(r"""\bsay\("(panel\.[\w.]+)\"""", text))
    assert len(used) > 30
    assert used <= words("en").keys()


def test_the_panel_is_the_list_where_no_widget_can_be_shown() -> None:
    parts = ViewParts(NO_FEED, lambda function, *values: function(*values), {"lang": "zh"})
    assert display.PANEL.show(ControlList("zh"), parts) == ControlList("zh")
