"""The recorded runs of notebooks that come with labkit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labkit import RecordedRun
from labkit.errors import InvalidValueError
from labkit.teaching.recorded_runs import FOLDER, course_run, recorded_notebooks
from labkit_services.call_record.call import Call
from labkit_services.call_record.call_index import CallIndex
from labkit_services.call_record.log import CallLog
from labkit_services.call_record.record_file import RunRecord, read_record


def record(number: str) -> RunRecord:
    with course_run(number).open("rb") as file:
        return read_record(file, number)


def calls(number: str) -> list[Call]:
    index = CallIndex(CallLog(2_000))
    index.apply(record(number).events)
    index.refresh(2_000)
    return list(index.log.calls)


@pytest.mark.parametrize("number", recorded_notebooks())
def test_a_recorded_run_is_whole_small_and_of_no_machine(number: str) -> None:
    run = record(number)

    assert (run.skipped, run.truncated) == (0, False)
    assert course_run(number).stat().st_size < 130_000
    assert re.findall(r'"/(?:home|root|tmp|Users)\b', course_run(number).read_text()) == []
    assert {call.state for call in calls(number)} <= {"done", "failed", "dead", "cancelled"}


def test_the_first_one_has_ten_calls_by_each_route() -> None:
    found = [call for call in calls("01") if call.function == "long-task"]
    sync, async_ = ([call for call in found if call.mode == mode] for mode in ("sync", "async"))

    assert len(sync) >= 10
    assert len(async_) >= 10
    assert re.search(r"long-task 1\b.*done", str(RecordedRun(course_run("01")).timeline()))


def test_the_others_have_a_killed_worker_a_retry_and_a_dead_letter_redriven() -> None:
    assert "queue-worker killed" in str(RecordedRun(course_run("02")).timeline())
    types = {event.type for event in record("07").events}

    assert {"retry.scheduled", "delivery.dead"} <= types


@pytest.mark.parametrize("guide", ["instructor-guide.md", "instructor-guide.zh.md"])
def test_a_recorded_run_of_a_notebook_is_a_view(guide: str) -> None:
    """The guide's code, as it stands; in a notebook its last line is a live view."""
    text = (Path(__file__).parents[2] / "docs" / guide).read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shown = eval(code.splitlines()[-1], _names(code))

    assert re.search(r"gateway +[1-9]\d* +accepted", str(shown))
    parts = RecordedRun(course_run("01")).view_parts("flow")
    assert parts.settings["record"]["end"] - parts.settings["record"]["start"] > 30


def _names(code: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec("\n".join(code.splitlines()[:-1]), names)
    return names


def test_a_number_may_lack_its_zero_and_others_are_refused() -> None:
    assert course_run("1") == FOLDER / "01.jsonl"
    with pytest.raises(InvalidValueError, match="99 is no recorded run"):
        course_run("99")
    with pytest.raises(InvalidValueError, match="is no recorded run"):
        course_run("../runs/01")
