"""A learner in the JupyterLab of ``labkit lab``, from an empty folder on.

The lab page as a tab, by its tile and below ``/user/x/``, is in
``test_jupyter_proxy_page.py``; each view by itself in ``test_live_*.py``; what
is left behind in ``test_live_leaks.py``.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from chromium import Chromium
from eventually import eventually
from labs import start_lab
from learner_page import COPIES, LearnerLab, learner_lab
from marked_processes import marked

from labkit import Lab

LESSON = f"{COPIES}/01-sync-vs-async.ipynb"
BINDER_MEGABYTES = 450
"""What mybinder.org guarantees to a session."""


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearnerLab]:
    with learner_lab(tmp_path_factory) as learner:
        yield learner


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_the_views_of_the_first_notebook_move_while_its_cells_block(
    browser: Chromium, learner: LearnerLab, tmp_path: Path
) -> None:
    pytest.importorskip("axe_playwright_python")
    page = learner.open(browser, LESSON)
    page.execute("notebook:run-all-cells")

    page.wait_for_end("timeline")
    end = page.watch("timeline")
    page.tab.wait_for("Object.keys(seen.rows).length >= 5")
    assert not page.has_run("measure-sync")
    page.tab.screenshot(tmp_path / "timeline.png")
    page.wait_for_end("measure-async", within=60)
    lab = start_lab(learner.workspace)
    calls = [call for call in lab.calls() if call.function == "long-task"][:20]
    ids = [call.id[:6] for call in calls]
    page.tab.wait_for(f"{ids}.every((id) => id in seen.rows && id in seen.done)")
    seen = end()
    sent = [seen["rows"][call.id[:6]] - call.events[0].time_ns / 1e6 for call in calls]
    done = [seen["done"][call.id[:6]] - call.finished / 1e6 for call in calls if call.finished]
    print(f"{seen['rate']:.0f} frames/s; ms from event to paint:", sorted(map(round, sent + done)))
    assert seen["rate"] >= 30
    assert len(done) == 20
    assert statistics.median(sent) <= 150
    assert statistics.median(done) <= 150

    page.wait_for_end("flow-shell")
    end = page.watch("flow-shell")
    page.tab.wait_for(f"{page.view('flow-shell')}.querySelector('.fl-dot')")
    page.tab.screenshot(tmp_path / "sync.png")
    page.wait_for_end("sync-shell")
    sync = end()
    end = page.watch("flow-shell")
    page.tab.wait_for("seen.most.queue >= 6")
    page.tab.screenshot(tmp_path / "async.png")
    page.wait_for_end("check-record")
    eventually(lambda: not waiting(lab), within=30, what="no call of long-task waiting")
    async_ = end()
    print(sync, async_)
    assert sync["rate"] >= 30
    assert sync["moves"] > 200
    assert sync["most"]["queue"] == 0
    assert sync["most"]["function"] == 1
    assert async_["moves"] > 50
    assert async_["most"]["queue"] >= 6
    # The end of a call may be told a moment after the begin of the next.
    assert async_["crowded"] < async_["frames"] / 20

    assert "NO" not in page.output(page.number("check-record")).split()
    megabytes = memory(learner.mark)
    print(megabytes, sum(megabytes.values()))
    assert sum(megabytes.values()) < BINDER_MEGABYTES
    assert page.tab.problems == []
    found = page.violations()
    assert found == [], "\n".join(found)
    page.close()


def waiting(lab: Lab) -> list[str]:
    """Return the ids of the calls that are not over."""
    return [call.id for call in lab.calls() if call.ended is None]


def memory(mark: str) -> dict[str, float]:
    """Return the proportional memory (PSS) of JupyterLab, kernels and lab."""
    found = {"Jupyter": 0.0, "kernels": 0.0, "lab": 0.0}
    for process in marked(mark):
        try:
            command, size = " ".join(process.cmdline()), process.memory_full_info().pss / 1e6
        except psutil.Error:
            continue  # a function that has ended
        print(round(size, 1), command[:150])
        part = "kernels" if "ipykernel" in command else "Jupyter" if " lab" in command else "lab"
        found[part] += size
    return found
