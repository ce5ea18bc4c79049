"""The lines of the services' logs: their time, level and call."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit_services.contract.times import parse_rfc3339, rfc3339
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.log_files import LogFiles
from labkit_services.inspector.errors import NotFoundError, UnavailableError
from labkit_services.runtime.log_lines import LogReader, with_times

CALL = "0f8b490e-fb28-4a2a-9d6f-ed86531f7c2e"


@pytest.mark.parametrize(
    ("line", "level", "text", "call_id"),
    [
        ("2026-11-29T21:41:03Z info gateway: ready url=x", "info", "ready url=x", None),
        (
            f"2026-11-29T21:41:03Z error gateway: lost call_id={CALL} n=1",
            "error",
            f"lost call_id={CALL} n=1",
            CALL,
        ),
        ('2026-11-29T21:41:03Z info inspector: x call_id="a b"', "info", 'x call_id="a b"', "a b"),
        (f"[{CALL}] Queueing (2) bytes for: cat.", "info", f"[{CALL}] Queueing (2) bytes for: cat.", CALL),
        ("[30523] 2026/11/29 21:41:03.725951 [WRN] disk", "warning", "disk", None),
        ("[W 2026-11-30 03:51:53.123 ServerApp] x", "warning", "ServerApp: x", None),
        (
            "Listening on [faas-request], clientID=[q]",
            "info",
            "Listening on [faas-request], clientID=[q]",
            None,
        ),
        ("\u202e<script>alert(1)</script>", "info", "\u202e<script>alert(1)</script>", None),
    ],
)
def test_a_line_has_a_level_and_may_name_a_call(
    line: str, level: str, text: str, call_id: str | None
) -> None:
    (parsed,) = LogReader("gateway").read([line])

    assert (parsed["level"], parsed["text"], parsed["call_id"]) == (level, text, call_id)


def test_the_worker_names_a_call_once_and_numbers_its_lines() -> None:
    lines = [
        f'[#4] Received on [faas-request]: \'{{"Function": "cat", "CallId": "{CALL}", "Bytes": 5}}\'',
        '[#5] Received on [faas-request]: \'{"Function": "cat", "CallId": "other", "Bytes": 5}\'',
        "[#4] Invoked: cat [200] in 0.01s",
        "[#callback-1] Trying again: the callback of cat, call third, attempt 2",
        "[#callback-1] Callback to: http://127.0.0.1/",
        "[#9] Invoked: cat [200] in 0.01s",
    ]

    found = [line["call_id"] for line in LogReader("queue-worker").read(lines)]

    assert found == [CALL, "other", CALL, "third", "third", None]


def test_lines_without_a_time_get_one_between_their_neighbours() -> None:
    lines = list(
        LogReader("gateway").read(
            [
                "a",
                "2026-11-29T21:41:03Z info gateway: b",
                "c",
                "d",
                "2026-11-29T21:41:06Z info gateway: e",
                "f",
            ]
        )
    )

    times = [line["time"] for line in with_times(lines, parse_rfc3339("2026-11-29T21:41:08Z"))]

    assert times == sorted(times)
    assert times[2:4] == ["2026-11-29T21:41:04.000000Z", "2026-11-29T21:41:05.000000Z"]
    assert [line["exact"] for line in lines] == [False, True, False, False, True, False]
    assert with_times([], 0) == []
    assert times[5] < rfc3339(parse_rfc3339("2026-11-29T21:41:08Z"))


def test_logs_of_a_folder_are_merged_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for number, service in enumerate(("gateway", "queue-worker")):
        lines = [f"2026-11-29T21:41:{2 * n + number:02}Z info {service}: {n}" for n in range(20)]
        (folder / f"{service}.log").write_text("\n".join(lines) + "\n")
        (folder / f"{service}.log").chmod(0o600)
    files = LogFiles(LabAccess(str(tmp_path)))

    read = files.read(files.services(), 6, None)

    assert [(line["service"], line["text"]) for line in read] == [
        ("gateway", "17"),
        ("queue-worker", "17"),
        ("gateway", "18"),
        ("queue-worker", "18"),
        ("gateway", "19"),
        ("queue-worker", "19"),
    ]
    since = parse_rfc3339("2026-11-29T21:41:38Z")
    assert len(files.read(["gateway"], 100, since)) == 1
    with pytest.raises(NotFoundError):
        files.services("gateway,../state")


def test_an_inspector_without_a_lab_says_so() -> None:
    with pytest.raises(UnavailableError, match="no running lab"):
        LogFiles(LabAccess("")).services()
