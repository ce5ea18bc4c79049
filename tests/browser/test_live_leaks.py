"""Live views leave nothing behind, in the kernel and in the page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from marked_processes import command_of, marked
from notebook_page import NotebookPage, write_notebook

from tests.eventually import eventually

START = """from labkit import Lab
lab = Lab.start(gateway_port=0, inspector_port=0)
lab.deploy('sleeper', fprocess='sleep 0.1')
callbacks = lab.bin('callbacks')
lab.invoke('sleeper').status"""
COUNT = """import asyncio, gc, json, os, threading
import comm
from ipywidgets.widgets import widget
from labkit.lab.background_loop import background_loop
async def _tasks():
    return len(asyncio.all_tasks())
def counted():
    gc.collect()
    return {
        "comms": len(comm.get_comm_manager().comms),
        "widgets": len(widget._instances),
        "threads": sorted(each.name for each in threading.enumerate()
                          if not each.name.startswith(("Thread-", "subshell-"))),  # ipykernel's own
        "tasks": asyncio.run_coroutine_threadsafe(_tasks(), background_loop().loop).result(5),
        "files": len(os.listdir("/proc/self/fd")),
        "views": sorted(type(each).__name__ for each in gc.get_objects()
                        if str(type(each).__module__).startswith("labkit.live.") and hasattr(each, "comm")
                        and type(each).__name__ != "LiveBinView"),  # a bin keeps its only one, closed
    }
print(json.dumps(counted()))"""
SHOW = """from IPython.display import display
views = 7
for view in (lab.timeline(), lab.flow(), lab.gauge(), lab.live_logs(), lab.panel(), callbacks, lab):
    display(view)
del view
lab.invoke_async('sleeper', callback=callbacks).result(10).status"""
COUNTERS = """(() => {
    // Counts what a view could leave: streams, timers, observers, frames.
    const open = { streams: new Set(), timers: new Set(), observers: new Set() };
    window.leftOpen = () => Object.fromEntries(Object.entries(open).map(([name, set]) => [name, set.size]));
    const track = (name, Type, ends) => {
        window[name] = class extends Type {
            constructor(...values) { super(...values); open[ends.into].add(this); }
            [ends.by](...values) { open[ends.into].delete(this); return super[ends.by](...values); }
        };
    };
    track('EventSource', EventSource, { into: 'streams', by: 'close' });
    track('WebSocket', WebSocket, { into: 'streams', by: 'close' });
    track('ResizeObserver', ResizeObserver, { into: 'observers', by: 'disconnect' });
    track('IntersectionObserver', IntersectionObserver, { into: 'observers', by: 'disconnect' });
    track('MutationObserver', MutationObserver, { into: 'observers', by: 'disconnect' });
    const { setInterval: start, clearInterval: stop, requestAnimationFrame: frame } = window;
    window.setInterval = (...values) => { const id = start(...values); open.timers.add(id); return id; };
    window.clearInterval = (id) => { open.timers.delete(id); stop(id); };
    window.frames_ = 0;
    window.requestAnimationFrame = (handler) => { window.frames_ += 1; return frame(handler); };
})()"""
STEADY = ("comms", "widgets", "threads", "views")
OPEN = ("streams", "timers", "observers")
ONE_VIEW = 20
"""Each view has more listeners than that."""
FEW = 20
"""JupyterLab asks for some frames in a second by itself; a view that moves, for up to 60."""
SOME = 6
"""So many requests may be under way when it is counted."""
VIEWS = "document.querySelectorAll('.lk').length"


def frames(page: NotebookPage) -> int:
    """Return how many frames are asked for in a second."""
    before = page.evaluate("frames_")
    time.sleep(1)
    return int(page.evaluate("frames_")) - int(before)


def in_page(page: NotebookPage) -> dict[str, float]:
    """Count what the page has open; its views have rested for a moment."""
    page.tab.call("Performance.enable")
    page.tab.call("HeapProfiler.collectGarbage")
    metrics = page.tab.call("Performance.getMetrics")["metrics"]
    listeners = {each["name"]: each["value"] for each in metrics if each["name"] == "JSEventListeners"}
    return {**page.evaluate("leftOpen()"), **listeners}


def in_kernel(page: NotebookPage) -> dict[str, Any]:
    counted: dict[str, Any] = json.loads(page.run(1))
    return counted


def kernels(mark: str) -> int:
    return sum("ipykernel" in " ".join(command_of(process)) for process in marked(mark))


@pytest.mark.timeout(300)
def test_all_views_leave_nothing_when_their_cell_runs_again_is_deleted_or_its_kernel_ends(
    browser: Chromium, lab_page: tuple[str, Path]
) -> None:
    url, workspace = lab_page
    mark = workspace.name[:32]
    write_notebook(workspace / "leaks.ipynb", [START, COUNT, SHOW])
    base, _, query = url.partition("/lab/")
    url = f"{base}/lab/workspaces/leaks/tree/leaks.ipynb?{query.partition('?')[2]}"
    page = NotebookPage(browser, url, COUNTERS)
    page.run(0)
    without, without_page = in_kernel(page), in_page(page)

    page.run(2)
    page.run(2)
    page.tab.wait_for(f"{VIEWS} === 7")
    time.sleep(2)
    once, once_page = in_kernel(page), in_page(page)
    page.run(2)
    time.sleep(2)
    listeners = in_page(page)["JSEventListeners"]
    for _ in range(20):
        page.run(2)
    time.sleep(2)
    page.tab.wait_for(f"{VIEWS} === 7")
    again_page = in_page(page)
    again = in_kernel(page)
    # From run to run of one cell: JupyterLab itself adds hundreds when another cell is the active one.
    ours = (again_page["JSEventListeners"] - listeners) / 20
    print("kernel:", without, once, again, sep="\n")
    print("page:", without_page, once_page, again_page, sep="\n")
    print("listeners a run:", ours)
    assert [again[each] for each in STEADY] == [once[each] for each in STEADY]
    assert again["files"] <= once["files"] + SOME
    assert again["tasks"] <= once["tasks"] + SOME
    assert [again_page[each] for each in OPEN] == [once_page[each] for each in OPEN]
    assert ours < ONE_VIEW

    page.delete_cell(2)
    page.tab.wait_for(f"{VIEWS} === 0")
    time.sleep(2)
    deleted, deleted_page = in_kernel(page), in_page(page)
    print("deleted:", deleted, deleted_page)
    assert [deleted[each] for each in STEADY] == [without[each] for each in STEADY]
    assert deleted["tasks"] <= without["tasks"]
    assert all(deleted_page[each] <= without_page[each] for each in OPEN)
    assert frames(page) <= FEW

    page.evaluate("jupyterapp.commands.execute('notebook:close-and-shutdown'), true")
    page.tab.wait_for("!!document.querySelector('.jp-Dialog .jp-mod-accept')")
    page.evaluate("document.querySelector('.jp-Dialog .jp-mod-accept').click()")
    eventually(lambda: kernels(mark) == 0, "the kernel's end")
    closed_page = in_page(page)
    print("closed:", closed_page)
    assert closed_page["streams"] < without_page["streams"]
    assert frames(page) <= FEW
    page.tab.close()
