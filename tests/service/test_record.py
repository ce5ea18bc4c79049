"""A run is recorded, and its record is opened without a lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from inspectors import inspector
from labkit_command import labkit, next_line, running

from labkit import Lab
from tests.eventually import eventually


@pytest.fixture(scope="module")
def record(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the record of three calls, one of them with a callback to a bin."""
    path = tmp_path_factory.mktemp("record") / "run.jsonl"
    lab.deploy("cat-record", fprocess="cat")
    lab.invoke("cat-record", "before")
    with lab.record(path):
        calls = [lab.invoke_async("cat-record", "x", callback=lab.bin("recorded")) for _ in range(2)]
        for call in calls:
            call.wait()
        lab.invoke("cat-record", "hunter2", headers={"Authorization": "Bearer hunter2"})
    return path


def test_a_record_has_the_run_and_no_secret(lab: Lab, record: Path) -> None:
    lines = [json.loads(line) for line in record.read_text().splitlines()]

    assert lines[0]["labkit_record"] == 1
    ids = {line["event"][2] for line in lines if "event" in line} - {""}
    assert len(ids) == 3
    assert len([line for line in lines if "request" in line]) == 2
    assert "hunter2" not in record.read_text()


def test_what_has_happened_so_far_can_be_saved(lab: Lab, record: Path, tmp_path: Path) -> None:
    recording = lab.record(tmp_path / "all.jsonl", history=True)
    path = recording.stop()

    types = [json.loads(line).get("event", [0, ""])[1] for line in path.read_text().splitlines()]
    assert types.count("call.received") > 5
    assert recording.stop() == path


def test_a_record_is_shown_read_only_at_any_time(record: Path) -> None:
    with inspector(record=str(record)) as shown:
        info = shown.get("/record", steps=1000)
        assert (info["calls"], info["requests"]) == (3, 2)
        assert info["start"] < info["end"]
        end = shown.get("/calls")
        assert {call["state"] for call in end["calls"]} == {"done"}
        assert end["now"] == pytest.approx(info["end"])
        assert shown.get("/calls", at=info["start"] - 1)["calls"] == []
        counts = [shown.get("/calls", at=at)["counts"] for at in info["steps"]]
        accepted = [count["accepted"] for count in counts]
        assert accepted == sorted(accepted)
        assert (counts[0]["done"], counts[-1]["done"]) == (0, 3)
        assert shown.get("/calls", at=info["steps"][1])["counts"] == counts[1]  # backwards, too
        call: dict[str, Any] = end["calls"][0]
        one = shown.get(f"/calls/{call['callId']}", at=info["end"])
        assert one["outcome"] == call["outcome"]
        (bin_,) = shown.get("/bins")["bins"]
        assert (bin_["name"], bin_["count"]) == ("recorded", 2)
        assert shown.get("/queues", at=info["end"])["queues"][0]["depth"] == 0
        refusals = [
            shown.api.post("/api/v1/calls", json={"function": "x"}),
            shown.api.delete("/api/v1/bins/recorded"),
            shown.api.get("/api/v1/logs"),
            shown.api.get("/api/v1/services"),
            shown.api.post("/r/recorded"),
            shown.api.get("/r/recorded"),
        ]
        assert [each.status_code for each in refusals] == [405, 405, 409, 409, 405, 405]
        assert all("error" in each.json() for each in refusals)
        assert shown.api.get("/").status_code == 200


def test_labkit_open_shows_a_record_without_a_lab(record: Path, tmp_path: Path) -> None:
    with running(tmp_path, "open", str(record), "--no-browser") as process:
        page = next_line(process).strip()
        with httpx.Client(trust_env=False, timeout=10) as client:
            assert client.get(page).status_code == 200  # the code of the link gives the cookie
            base = page.partition("/?")[0]
            assert client.get(f"{base}/api/v1/record").json()["calls"] == 3
            assert httpx.get(f"{base}/api/v1/record", trust_env=False).status_code == 401
        process.terminate()
        process.wait(10)
        eventually(lambda: _is_gone(base), within=5)
    assert not (tmp_path / ".labkit").exists()


def test_labkit_open_shows_the_recorded_run_of_a_notebook(tmp_path: Path) -> None:
    with running(tmp_path, "open", "01", "--no-browser", "--json") as process:
        page = json.loads(next_line(process))["url"]
        with httpx.Client(trust_env=False, timeout=10) as client:
            assert client.get(page).status_code == 200
            found = client.get(f"{page.partition('/?')[0]}/api/v1/calls", params={"limit": 100}).json()
        process.terminate()
        process.wait(10)
    assert {"nap", "long-task"} <= {call["function"] for call in found["calls"]}
    assert not (tmp_path / ".labkit").exists()


def test_labkit_open_names_the_notebooks_whose_run_is_recorded(tmp_path: Path) -> None:
    shown = labkit(tmp_path, "open", "99", code=1)

    assert "99 is no recorded run" in shown
    assert "01, 02, 07" in shown


def _is_gone(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False, timeout=1)
    except httpx.ConnectError:
        return True
    return False


def test_what_is_no_record_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")

    shown = labkit(tmp_path, "open", "notes.txt", "--no-browser", code=1)

    assert "notes.txt" in shown
    assert "not a record of a run" in shown
