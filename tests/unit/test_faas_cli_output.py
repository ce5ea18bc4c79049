"""The output of faas-cli, line by line."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.go_json import compact
from labkit.openfaas_cli.faas_cli.go_time import RFC3339
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
    assert description(FUNCTION, 7, "http://gw", "figlet", verbose=False) == [
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

    lines = description(function, 0, "http://gw", "figlet.dev", verbose=False)

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
        "Limits:",
        " CPU: 100m",
        " Memory: 5Mi",
        "Usage:",
        "  RAM:  3.00 MB",
        "  CPU:  12 Mi",
    ]


def test_a_verbose_description_includes_empty_sections() -> None:
    lines = description(FUNCTION, 0, "http://gw", "figlet", verbose=True)

    names = ["Labels", "Annotations", "Constraints", "Environment", "Secrets", "Requests", "Limits", "Usage"]
    assert lines[9:] == [f"{name}:".ljust(20) + " <none>" for name in names]


MESSAGE = {
    "name": "f",
    "namespace": "openfaas-fn",
    "instance": "f-1",
    "timestamp": "2026-01-02T15:04:05.678Z",
    "text": "Wrote 5 Bytes\n",
}


TIME = "2026-01-02T15:04:05Z"
JSON = (
    '{"name":"f","namespace":"openfaas-fn","instance":"f-1",'
    '"timestamp":"2026-01-02T15:04:05.678Z","text":"Wrote 5 Bytes\\n"}'
)


@pytest.mark.parametrize(
    ("output", "layout", "extra", "expected"),
    [
        ("plain", RFC3339, False, f"{TIME} Wrote 5 Bytes"),
        ("", RFC3339, False, f"{TIME} Wrote 5 Bytes"),
        ("JSON", RFC3339, False, f"{TIME} Wrote 5 Bytes"),
        ("plain", "", False, "Wrote 5 Bytes"),
        ("plain", "15:04:05.000", False, "15:04:05.678 Wrote 5 Bytes"),
        ("plain", RFC3339, True, f"{TIME} f (f-1) Wrote 5 Bytes"),
        ("keyvalue", RFC3339, False, f'timestamp="{TIME}" text="Wrote 5 Bytes" '),
        ("keyvalue", RFC3339, True, f'timestamp="{TIME}" name="f" instance="f-1" text="Wrote 5 Bytes" '),
        ("keyvalue", "", False, 'text="Wrote 5 Bytes" '),
        ("json", RFC3339, False, JSON),
        ("json", "", True, JSON),
    ],
)
@pytest.mark.row("4.4 logs")
def test_log_lines_have_three_formats(output: str, layout: str, extra: bool, expected: str) -> None:
    assert format_message(MESSAGE, output, layout=layout, name=extra, instance=extra) == expected


def test_json_is_marshalled_as_by_go() -> None:
    message = {"text": "<ü>&\u2028", "timestamp": "2026-01-02T15:04:05.120000000+01:00", "other": 1}

    assert format_message(message, "json") == (
        '{"name":"","namespace":"","instance":"","timestamp":"2026-01-02T15:04:05.12+01:00",'
        '"text":"\\u003cü\\u003e\\u0026\\u2028"}'
    )


def test_a_log_stream_is_parsed_across_blocks_and_other_lines_are_skipped() -> None:
    chunks = [b'{"text":', b'"a"}\n\nnot json\n{"text"', b':"b"}\n[1]\n{"text":"c"}']

    assert [message["text"] for message in messages(chunks)] == ["a", "b", "c"]


def test_since_counts_back_from_now() -> None:
    now = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)

    assert since_time("1h4m5s", now) == "2026-01-02T14:00:00Z"
    assert since_time("-5s", now) == "2026-01-02T15:04:10Z"
    assert since_time("1h", now.astimezone(timezone(timedelta(hours=2)))) == "2026-01-02T16:04:05+02:00"
    assert (since_time("", now), since_time("0s", now)) == ("", "")


def test_a_deployment_is_marshalled_as_by_go() -> None:
    assert compact(deployment(StackFunction("f", image="me/f:latest"))) == (
        '{"service":"f","image":"me/f:latest","labels":{},"annotations":{}}'
    )
    function = StackFunction(
        *("f", "", Path(), "i", "cat"),
        namespace="dev",
        environment={"B": "<", "A": "1"},
        labels={"l": "1"},
        annotations={"b": "", "a": "2"},
        secrets=["s"],
        constraints=["c"],
        limits={"cpu": "1", "memory": "5Mi"},
        requests={"cpu": "", "memory": "1Mi"},
        readonly_root_filesystem=True,
    )
    assert compact(deployment(function)) == (
        '{"service":"f","image":"i","namespace":"dev","envProcess":"cat","envVars":{"A":"1","B":"\\u003c"},'
        '"constraints":["c"],"secrets":["s"],"labels":{"l":"1"},"annotations":{"a":"2","b":""},'
        '"limits":{"memory":"5Mi","cpu":"1"},"requests":{"memory":"1Mi"},"readOnlyRootFilesystem":true}'
    )


def pairs(flag: str, *texts: str) -> dict[str, str]:
    """Return the pairs of a flag that occurs once for each text."""
    return key_values(parse([Flag(flag, "", [], "")], [f"--{flag}={text}" for text in texts]), flag)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["A=1", "B=a=b"], {"A": "1", "B": "a=b"}),
        (["A=1,B=2"], {"A": "1,B=2"}),  # a StringArray, not a StringSlice
        (['A="x y"'], {"A": '"x y"'}),
        (["A=1", "A=2"], {"A": "2"}),
        ([" A=1 "], {"A": "1"}),
        (["A= 1"], {"A": " 1"}),
        (["A =1"], {"A ": "1"}),
        (["A=="], {"A": "="}),
    ],
)
def test_pairs_of_flags_are_parsed(texts: list[str], expected: dict[str, str]) -> None:
    assert pairs("env", *texts) == expected


FORMAT = "label format is not correct, needs key=value"


@pytest.mark.parametrize(
    ("text", "what", "message"),
    [
        ("A", "env", f"error parsing envvars: {FORMAT}"),
        ("", "env", f"error parsing envvars: {FORMAT}"),
        ("A:1", "label", f"error parsing labels: {FORMAT}"),
        ("A", "annotation", f"error parsing annotations: {FORMAT}"),
        ("=1", "label", "error parsing labels: empty label name: [=1]"),
        ("A=", "annotation", "error parsing annotations: empty annotation value: [A=]"),
        ("A= ", "env", "error parsing envvars: empty env value: [A= ]"),
        ("=", "env", "error parsing envvars: empty env name: [=]"),
    ],
)
def test_a_flag_that_is_not_a_pair_is_refused(text: str, what: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        pairs(what, text)

    assert caught.value.headline == message


_MAIN = "import sys; from labkit.openfaas_cli.faas_cli import main; sys.exit(main())"


def test_output_to_a_full_disk_is_one_line_of_error() -> None:
    command = [sys.executable, "-c", _MAIN, "--help"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_a_closed_output_is_no_error(closed: str) -> None:
    command = f'exec "$0" -c "{_MAIN}" --help {closed}'

    assert subprocess.run(["sh", "-c", command, sys.executable], check=False).returncode == 0
