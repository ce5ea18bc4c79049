"""The output of faas-cli, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.output import align
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verbs.deploy import deployment
from labkit.openfaas_cli.faas_cli.verbs.describe import description
from labkit.openfaas_cli.faas_cli.verbs.logs import format_message, messages, since_time
from labkit.openfaas_cli.pflag import Flag, UsageError, parse

FUNCTION: dict[str, Any] = {
    "name": "figlet",
    "image": "ghcr.io/openfaas/figlet:latest",
    "replicas": 2,
    "availableReplicas": 1,
    "labels": {},
    "annotations": {},
}


def test_a_column_is_one_space_wider_than_its_widest_cell() -> None:
    assert align(["a\tbbb\tc", "aaaa\tb\tcc"]) == ["a    bbb c", "aaaa b   cc"]


def test_a_line_without_the_column_separates_two_blocks() -> None:
    assert align(["long name:\t1", "title", "a:\t2"]) == ["long name: 1", "title", "a: 2"]


def test_empty_cells_in_front_take_no_room() -> None:
    assert align(["Limits:\t CPU: 1", "\t Memory: 2"]) == ["Limits:  CPU: 1", " Memory: 2"]


def test_no_lines_align_to_no_lines() -> None:
    assert align([]) == []


@pytest.mark.row("4.4 describe")
def test_a_description_has_its_values_in_column_21() -> None:
    assert description(FUNCTION, 7, "http://gw", "", verbose=False) == [
        "Name:               figlet",
        "Status:             Ready",
        "Replicas:           2",
        "Available Replicas: 1",
        "Invocations:        7",
        "Image:              ghcr.io/openfaas/figlet:latest",
        "Function Process:   <default>",
        "URL:                http://gw/function/figlet",
        "Async URL:          http://gw/async-function/figlet",
    ]


def test_a_description_includes_the_details_that_exist() -> None:
    function = {
        **FUNCTION,
        "availableReplicas": 0,
        "envProcess": "figlet",
        "labels": {"b": "2", "a": "1"},
        "constraints": ["c"],
        "envVars": {"A": "1"},
        "secrets": ["s"],
        "limits": {"cpu": "100m", "memory": "5Mi"},
        "usage": {"cpu": 12.4, "totalMemoryBytes": 3 * 1024 * 1024},
    }

    lines = description(function, 0, "http://gw", "dev", verbose=False)

    assert lines[1] == "Status:             Not Ready"
    assert lines[6:] == [
        "Function Process:   figlet",
        "URL:                http://gw/function/figlet.dev",
        "Async URL:          http://gw/async-function/figlet.dev",
        "Labels:",
        " a: 1",
        " b: 2",
        "Constraints:",
        " - c",
        "Environment:",
        " A: 1",
        "Secrets:",
        " - s",
        "Limits:  CPU: 100m",
        " Memory: 5Mi",
        "Usage:",
        "  RAM:  3.00 MB",
        "  CPU:  12 Mi",
    ]


def test_a_verbose_description_includes_empty_sections() -> None:
    lines = description(FUNCTION, 0, "http://gw", "", verbose=True)

    names = ["Labels", "Annotations", "Constraints", "Environment", "Secrets", "Requests", "Limits", "Usage"]
    assert lines[9:] == [f"{name}:".ljust(20) + " <none>" for name in names]


MESSAGE = {
    "name": "f",
    "namespace": "openfaas-fn",
    "instance": "f-1",
    "timestamp": "2026-01-02T15:04:05.678Z",
    "text": "Wrote 5 Bytes\n",
}


@pytest.mark.parametrize(
    ("output", "time", "extra", "expected"),
    [
        ("plain", True, False, "2026-01-02T15:04:05Z Wrote 5 Bytes"),
        ("plain", False, False, "Wrote 5 Bytes"),
        ("plain", True, True, "2026-01-02T15:04:05Z f (f-1) Wrote 5 Bytes"),
        ("keyvalue", True, False, 'timestamp="2026-01-02T15:04:05Z" text="Wrote 5 Bytes" '),
        (
            "keyvalue",
            True,
            True,
            'timestamp="2026-01-02T15:04:05Z" name="f" instance="f-1" text="Wrote 5 Bytes" ',
        ),
        (
            "json",
            True,
            False,
            '{"name":"f","namespace":"openfaas-fn","instance":"f-1",'
            '"timestamp":"2026-01-02T15:04:05.678Z","text":"Wrote 5 Bytes\\n"}',
        ),
    ],
)
@pytest.mark.row("4.4 logs")
def test_log_lines_have_three_formats(output: str, time: bool, extra: bool, expected: str) -> None:
    line = format_message(MESSAGE, output, show_time=time, name=extra, instance=extra)

    assert line == expected


def test_a_log_stream_is_parsed_across_blocks_and_other_lines_are_skipped() -> None:
    chunks = [b'{"text":', b'"a"}\n\nnot json\n{"text"', b':"b"}\n[1]\n{"text":"c"}']

    assert [message["text"] for message in messages(chunks)] == ["a", "b", "c"]


def test_since_counts_back_from_now() -> None:
    now = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)

    assert since_time("1h4m5s", now) == "2026-01-02T14:00:00.000000Z"
    assert since_time("", now) == ""


def test_a_deployment_has_no_empty_values() -> None:
    assert deployment(StackFunction("f", image="me/f:latest")) == {"service": "f", "image": "me/f:latest"}
    function = StackFunction(
        "f", image="i", fprocess="cat", environment={"A": "1"}, readonly_root_filesystem=True
    )
    assert deployment(function) == {
        "service": "f",
        "image": "i",
        "envProcess": "cat",
        "envVars": {"A": "1"},
        "readOnlyRootFilesystem": True,
    }


def pairs(flag: str, *texts: str) -> dict[str, str]:
    """Return the pairs of a flag that occurs once for each text."""
    return key_values(parse([Flag(flag, "", [], "")], [f"--{flag}={text}" for text in texts]), flag)


def test_pairs_of_flags_are_parsed() -> None:
    assert pairs("env", "A=1", "B=a=b") == {"A": "1", "B": "a=b"}


@pytest.mark.parametrize(
    ("text", "what", "message"),
    [
        ("A", "env", "error parsing envvars: label format is not correct, needs key=value"),
        ("=1", "label", r"error parsing labels: empty label name: \[=1\]"),
        ("A=", "annotation", r"error parsing annotations: empty annotation value: \[A=\]"),
    ],
)
def test_a_flag_that_is_not_a_pair_is_refused(text: str, what: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pairs(what, text)
