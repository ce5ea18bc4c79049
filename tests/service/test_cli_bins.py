"""``labkit bins`` and ``labkit requests``."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import httpx
import labkit_command
import pytest
from labkit_command import next_line
from labs import start_lab

from labkit import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("bins")) as running:
        yield running


def labkit(lab: Lab, *arguments: str, code: int = 0) -> str:
    return labkit_command.labkit(lab.workspace, "--workspace", str(lab.workspace), *arguments, code=code)


def send(lab: Lab, name: str, body: str = "hello", **headers: str) -> None:
    httpx.post(f"{lab.inspector_url}/r/{name}/a?b=1", content=body, headers=headers, trust_env=False)


def test_bins_lists_every_bin_with_its_url(lab: Lab) -> None:
    send(lab, "counted")
    send(lab, "counted")
    row = next(line for line in labkit(lab, "bins").splitlines() if line.startswith("counted"))
    assert row.split() == ["counted", "2", "0", f"{lab.inspector_url}/r/counted"]
    found = json.loads(labkit(lab, "bins", "--json"))
    assert {"name", "url", "count", "dropped"} <= found[0].keys()


def test_requests_shows_a_bin_s_requests_with_filters_and_bodies(lab: Lab) -> None:
    send(lab, "mixed", "one")
    headers = {"X-Call-Id": "c1", "X-Function-Name": "figlet", "X-Function-Status": "500"}
    send(lab, "mixed", "two", **headers)

    text = labkit(lab, "requests", "mixed", "--body")
    assert "/r/mixed/a?b=1" in text
    assert text.index("one") < text.index("two")
    assert "500" in labkit(lab, "requests", "mixed", "--function", "figlet")
    [record] = json.loads(labkit(lab, "requests", "mixed", "--json", "--function-status", "500"))
    assert record["body"] == "two"
    assert labkit(lab, "requests", "mixed", "--search", "nothing") == "No request.\n"
    assert json.loads(labkit(lab, "requests", "mixed", "--json", "--method", "PUT")) == []


def test_requests_of_a_missing_bin_names_the_bins(lab: Lab) -> None:
    send(lab, "orders")
    error = labkit(lab, "requests", "none-here", code=1)
    assert "there is no bin" in error
    assert "orders" in error


def test_requests_follow_shows_new_ones_until_ctrl_c(lab: Lab) -> None:
    send(lab, "live", "first")
    arguments = ("--workspace", str(lab.workspace), "requests", "live", "--follow", "--json")
    with labkit_command.running(lab.workspace, *arguments) as process:
        assert json.loads(next_line(process))["body"] == "first"
        send(lab, "live", "second")
        assert json.loads(next_line(process))["body"] == "second"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


def test_requests_follow_has_a_heading_and_columns(lab: Lab) -> None:
    send(lab, "columns", "first")
    arguments = ("--workspace", str(lab.workspace), "requests", "columns", "--follow")
    with labkit_command.running(lab.workspace, *arguments) as process:
        heading, first = next_line(process), next_line(process)
        send(lab, "columns", "second", **{"X-Call-Id": "c1", "X-Function-Name": "f"})
        second = next_line(process)
        process.send_signal(signal.SIGINT)
        process.wait(10)
    assert heading.split()[:4] == ["#", "time", "method", "path"]
    assert first.index("/r/columns") == second.index("/r/columns") == heading.index("path")
    assert second.index("c1") == heading.index("call")


def test_what_a_sender_wrote_can_t_move_the_cursor_or_reorder_text(lab: Lab) -> None:
    send(lab, "hostile", "\x1b[2J\u202eevil\x9b", **{"X-Call-Id": b"\x1b".hex()})
    text = labkit(lab, "requests", "hostile", "--body")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J\\u202eevil" in text
