"""The flow and the gauge in a real JupyterLab: dots move while a cell blocks."""

from __future__ import annotations

import json
import time
from pathlib import Path

from chromium import Chromium
from eventually import eventually
from jupyter_page import alone
from notebook_page import FRAME_RATE, NotebookPage, write_notebook

START = """from labkit import Lab
lab = Lab.start(gateway_port=0, inspector_port=0)
lab.reset()
lab.deploy('sleeper', fprocess='sleep 0.7')
callbacks = lab.bin('callbacks')
lab.invoke('sleeper').status"""
BLOCK = """calls = [lab.invoke_async('sleeper', callback=callbacks) for _ in range(8)]
[call.result(30).status for call in calls]"""
DOTS = "document.querySelectorAll('.lk .fl-dot').length"
WATCH = """(() => {
    const seen = { frames: 0, moved: 0, queued: [], ways: new Set(), from: performance.now() };
    window.seen = seen;
    const before = new Map();
    const look = () => {
        seen.frames += 1;
        for (const dot of document.querySelectorAll('.lk .fl-moves')) {
            if (before.get(dot) && before.get(dot) !== dot.style.transform) seen.moved += 1;
            before.set(dot, dot.style.transform);
            seen.ways.add(dot.dataset.look);
        }
        const number = document.querySelector('.lk [data-station=queue] .fl-number').textContent;
        if (seen.queued.at(-1) !== number) seen.queued.push(number);
        window.watching = requestAnimationFrame(look);
    };
    look();
})()"""


def test_dots_move_and_the_gauge_counts_while_a_cell_blocks(
    browser: Chromium, lab_page: tuple[str, Path], tmp_path: Path
) -> None:
    url, workspace = lab_page
    still = ("print(lab.flow().text())", "lab.flow('sleeper').counts['done']")
    write_notebook(workspace / "flow.ipynb", (START, "lab.flow()", "lab.gauge()", BLOCK, *still))
    page = NotebookPage(browser, alone(url, "flow.ipynb"))
    assert page.run(0).endswith("200")
    page.run(1)
    page.run(2)
    page.tab.wait_for("!!document.querySelector('.lk .fl-card') && !!document.querySelector('.lk .ga-card')")
    page.show_output(1)
    idle = page.evaluate(FRAME_RATE)
    page.evaluate(WATCH)

    page.start(3, scroll=False)
    page.tab.wait_for(
        "Number(document.querySelector('.lk [data-station=queue] .fl-number').textContent) >= 4"
    )
    assert page.is_busy(3)
    page.tab.wait_for("document.querySelector('.lk [data-gauge=queue_depth]').textContent >= '4'")
    why = page.evaluate("document.querySelector('.lk .fl-why').textContent")
    page.tab.screenshot(tmp_path / "flow.png")
    # Until three seconds after the last call was sent, the queue grows: calls come faster than they leave.
    text = "document.querySelector('.lk .ga-pace').textContent"
    pace = page.tab.wait_for(f"{text}.startsWith('At this pace empty in about') && {text}")
    assert page.is_busy(3)
    page.tab.wait_for("document.querySelector('.lk [data-station=done] .fl-number').textContent === '9'")
    seen = page.evaluate(
        "cancelAnimationFrame(watching), {...seen, ways: [...seen.ways],"
        " rate: seen.frames / (performance.now() - seen.from) * 1000}"
    )

    print(idle, seen, why, pace)
    assert "at most 1 run at once (max_inflight)" in why
    assert seen["rate"] >= min(30, idle / 2)
    assert seen["moved"] > 100
    assert {"queued", "works", "calls_back", "answered"} <= set(seen["ways"])
    drained = [int(number) for number in seen["queued"]]
    assert drained[drained.index(max(drained)) :] == sorted(set(drained), reverse=True)

    # All has arrived: nothing is drawn any more.
    time.sleep(3)
    assert page.evaluate(DOTS) == 0

    # Paused and taken back, the queue is full again.
    page.evaluate("document.querySelector('.lk-bar button').click()")
    for _ in range(40):
        page.evaluate("document.querySelectorAll('.lk-bar button')[1].click()")
        if page.evaluate("document.querySelectorAll('.lk .fl-rests[data-look=queued]').length >= 3"):
            break
        time.sleep(0.05)
    assert page.evaluate("document.querySelectorAll('.lk .fl-rests[data-look=queued]').length") >= 3
    done = int(page.evaluate("document.querySelector('.lk [data-station=done] .fl-number').textContent"))
    assert done < 9

    assert "9  done" in page.run(4)
    assert page.run(5).endswith("9")
    page.save()
    saved = workspace / "flow.ipynb"
    eventually(lambda: json.loads(saved.read_text())["cells"][5]["outputs"], "the saved notebook", within=10)
    output = json.loads(saved.read_text())["cells"][1]["outputs"][0]["data"]
    assert "".join(output["text/plain"]) == "Flow of the lab's calls (a live view in JupyterLab)"
    assert "".join(output["image/svg+xml"]).startswith("<svg")
    assert "accepted" not in "".join(output["text/plain"])
    assert page.tab.problems == []
    page.close()
