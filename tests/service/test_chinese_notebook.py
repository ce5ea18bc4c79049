"""What a notebook in Chinese shows, in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernels import Notebook
from test_function_cells import FIRST_CELL, box


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABKIT_CI", raising=False)
        patch.setenv("LABKIT_LANG", "zh")
        notebook = Notebook(tmp_path_factory.mktemp("chinese"))
    notebook.run_well(FIRST_CELL.format(workspace=str(notebook.workspace)))
    yield notebook
    notebook.run_well("lab.stop()")
    notebook.end()


SHOWN = {
    "lab.reset()": "实验环境已重置，用时",
    "lab.status()": "实验环境的状态：<b>ready</b>。",
    "lab.faults()": "没有注入过故障",
    "lab.bin('callbacks')": "用于 X-Callback-Url：",
    "lab.queue('faas-request')": "<th>处理中</th>",
    "lab.deploy('cat', fprocess='cat'); lab.measure('cat', calls=1)": "对 cat 的 1 次同步调用",
    "lab.measure('gone', calls=1)": "**注意：** 没有函数 gone：每次调用都得到 404；先部署它：lab.deploy(…)。",
    "lab.deploy('ok', fprocess='cat'); c = lab.invoke_async('ok'); c.wait(); c.explain()": "以 200 成功。",
}


@pytest.mark.parametrize(("code", "shown"), SHOWN.items())
def test_what_a_cell_shows_is_chinese(notebook: Notebook, code: str, shown: str) -> None:
    output = notebook.show(code)

    assert output.reply["status"] == "ok", output.error
    assert shown in str(output.messages)


def test_an_error_has_a_chinese_headline_and_box(notebook: Notebook) -> None:
    headline, html = box(notebook, "lab.call('none').wait(timeout=0.2)")

    assert headline == "LabTimeoutError: 等了 0.2 秒，超时"
    for text in ("<dt>预期</dt><dd>调用 none 结束</dd>", "<dt>实际</dt>", "<dt>下一步</dt>", "调用栈"):
        assert text in html
