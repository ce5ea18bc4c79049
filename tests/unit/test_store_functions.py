"""The programs of OpenFaaS's store functions, without a lab.

Durations and indented JSON were measured with Go's packages ``time`` and
``encoding/json``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from email.message import Message
from pathlib import Path

import pytest

from labkit_services.images.functions import chaos, go_durations, hey_report, nodeinfo, printer, sleep
from labkit_services.images.functions.server import FunctionReply, IncomingRequest
from labkit_services.images.store import PROGRAMS


def _request(method: str = "POST", path: str = "/", body: str = "", **headers: str) -> IncomingRequest:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return IncomingRequest(method, path, message, body.encode())


@pytest.mark.parametrize(
    ("text", "nanoseconds", "shown"),
    [
        ("2s", 2_000_000_000, "2s"),
        ("1m30s", 90_000_000_000, "1m30s"),
        ("1.5s", 1_500_000_000, "1.5s"),
        ("250ms", 250_000_000, "250ms"),
        ("0", 0, "0s"),
        ("-1s", -1_000_000_000, "-1s"),
        ("+1s", 1_000_000_000, "1s"),
        (".5s", 500_000_000, "500ms"),
        ("1.s", 1_000_000_000, "1s"),
        ("1h2m3.25s", 3_723_250_000_000, "1h2m3.25s"),
        ("10h", 36_000_000_000_000, "10h0m0s"),
        ("100us", 100_000, "100µs"),
        ("3µs", 3000, "3µs"),
        ("7ns", 7, "7ns"),
    ],
)
def test_durations_are_read_and_written_as_in_go(text: str, nanoseconds: int, shown: str) -> None:
    assert go_durations.parse(text) == nanoseconds
    assert go_durations.text(nanoseconds) == shown


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", 'time: invalid duration ""'),
        ("2", 'time: missing unit in duration "2"'),
        ("abc", 'time: invalid duration "abc"'),
        ("2x", 'time: unknown unit "x" in duration "2x"'),
        ("1s2", 'time: missing unit in duration "1s2"'),
        ("-", 'time: invalid duration "-"'),
        (".", 'time: invalid duration "."'),
        ("1 s", 'time: unknown unit " s" in duration "1 s"'),
        (" 1s", 'time: invalid duration " 1s"'),
    ],
)
def test_a_wrong_duration_is_refused_with_the_text_of_go(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(error)}$"):
        go_durations.parse(text)


# -- sleep


def test_sleep_takes_the_duration_of_the_header() -> None:
    assert sleep.handle(_request(X_Sleep="1ms")) == FunctionReply(200, "Slept for: 0.001000s")


def test_sleep_takes_a_random_duration_between_two_headers() -> None:
    answers = {sleep.handle(_request(X_Min_Sleep="1ms", X_Max_Sleep="3ms")).body for _ in range(30)}

    assert answers == {"Slept for: 0.001000s", "Slept for: 0.002000s"}


@pytest.mark.parametrize("name", ["X-Sleep", "X-Min-Sleep", "X-Max-Sleep"])
def test_sleep_refuses_what_is_not_a_duration(name: str) -> None:
    headers = {"X-Min-Sleep": "1ms", "X-Max-Sleep": "2ms"} if name != "X-Sleep" else {}
    request = _request(**{key.replace("-", "_"): value for key, value in (headers | {name: "2"}).items()})

    assert sleep.handle(request) == FunctionReply(
        400, f'Error parsing {name} header: time: missing unit in duration "2"'
    )


def test_sleep_does_not_start_with_a_wrong_sleep_duration() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "labkit_services.images.functions.sleep"],
        env={"sleep_duration": "2", "upstream_url": "http://127.0.0.1:0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.endswith(
        'Error parsing sleep_duration environment variable: time: missing unit in duration "2"\n'
    )


# -- chaos


def _set(body: str, method: str = "POST") -> FunctionReply:
    return chaos.handle(_request(method, "/set", body))


def _get() -> str:
    return chaos.handle(_request("GET", "/get")).body


def test_chaos_keeps_what_a_set_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "_canned", {"status": 200, "body": "", "delay": 0})
    assert _get() == '{"status":200,"body":"","delay":"0s"}'
    assert chaos.handle(_request()) == FunctionReply(200, "")

    assert _set('{"status": 429, "body": "busy", "delay": "1ms"}') == FunctionReply(202)
    assert chaos.handle(_request("GET", "/any")) == FunctionReply(429, "busy")
    assert _set('{"STATUS": 503, "body": null, "other": 1}') == FunctionReply(202)
    assert _set('{"delay": 1500000}') == FunctionReply(202)

    assert _get() == '{"status":503,"body":"busy","delay":"1.5ms"}'


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"status": "500"}', '{"status": true}', '{"body": 1}', '{"delay": "1"}']
)
def test_chaos_refuses_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(chaos, "_canned", {"status": 200, "body": "", "delay": 0})

    assert _set(body) == FunctionReply(500)
    assert _get() == '{"status":200,"body":"","delay":"0s"}'


def test_chaos_is_set_by_a_post_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "_canned", {"status": 418, "body": "teapot", "delay": 0})

    assert _set('{"status": 200}', "PUT") == FunctionReply(418, "teapot")
    assert chaos.handle(_request("POST", "/get")) == FunctionReply(418, "teapot")


# -- printer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '{"a":1,"b":[1,2,{}],"c":{"d":"e,{}\\"f"},"g":[],"h":1.50e3,"i":"\\u00e9é"}',
            '{\n    "a": 1,\n    "b": [\n        1,\n        2,\n        {}\n    ],\n    "c": {\n'
            '        "d": "e,{}\\"f"\n    },\n    "g": [],\n    "h": 1.50e3,\n    "i": "\\u00e9é"\n}',
        ),
        (" [ ] ", "[] "),
        ("5", "5"),
        ('[{"a":null},true]\n', '[\n    {\n        "a": null\n    },\n    true\n]\n'),
    ],
)
def test_printer_indents_json_as_go_does(text: str, shown: str) -> None:
    assert printer.indented(text) == shown


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "unexpected end of JSON input"),
        ('{"a"', "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
    ],
)
def test_printer_refuses_a_body_that_is_not_json(text: str, error: str) -> None:
    answer = printer.handle(_request(body=text, Content_Type="application/json"))

    assert (answer.status, answer.body) == (500, f"failed to format JSON body: {error}\n")


def test_printer_prints_headers_and_body(capsys: pytest.CaptureFixture[str]) -> None:
    request = _request(body='{"a":1}', Host="h", x_two="1", Content_Type="application/json")
    request.headers["X-Two"] = "2"

    assert printer.handle(request) == FunctionReply(202)
    assert capsys.readouterr().out == ('Content-Type=[application/json]\nX-Two=[1 2]\n\n{\n    "a": 1\n}\n\n')


def test_printer_with_raw_leaves_json_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAW", "true")

    printer.handle(_request(body="{", Content_Type="application/json"))

    assert capsys.readouterr().out.endswith("\n\n{\n\n")


# -- nodeinfo


def test_nodeinfo_has_six_lines_and_more_when_verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "me-1")

    brief, verbose = nodeinfo.handle(_request()), nodeinfo.handle(_request(body="verbose"))

    lines = brief.body.splitlines()
    assert lines[:2] == ["Hostname: me-1", ""]
    names = [line.partition(": ")[0] for line in lines[2:]]
    assert names == ["Arch", "CPUs", "Total mem", "Platform", "Uptime"]
    assert lines[4].removeprefix("Total mem: ").removesuffix("MB").isdigit()
    assert brief.headers == {"Content-Type": "text/plain"}
    assert "internal: true" in verbose.body
    assert "times: {" in verbose.body


# -- hey


def test_hey_reports_without_and_with_errors() -> None:
    timings = [hey_report.Timing(200, 10, seconds / 1000, (0.0,) * 5) for seconds in range(1, 11)]

    report = hey_report.summary([*timings, hey_report.Timing(500, 0, 0.02, (0.0,) * 5)], {"e": 2}, 0.5)

    assert report.startswith(
        "\nSummary:\n  Total:\t0.5000 secs\n  Slowest:\t0.0200 secs\n  Fastest:\t0.0010 secs\n"
        "  Average:\t0.0068 secs\n  Requests/sec:\t26.0000\n  \n"
        "  Total data:\t100 bytes\n  Size/request:\t9 bytes\n\nResponse time histogram:\n  0.001 [1]\t|"
    )
    assert "\n  10% in 0.0030 secs\n  25% in 0.0040 secs\n  50% in 0.0070 secs\n" in report
    assert "\nStatus code distribution:\n  [200]\t10 responses\n  [500]\t1 responses\n" in report
    assert report.endswith("\nError distribution:\n  [2]\te\n\n")
    assert sum(int(line.split("[")[1].split("]")[0]) for line in report.splitlines() if "]\t|" in line) == 11


def _hey(*words: str) -> subprocess.CompletedProcess[str]:
    variables = {"LABKIT_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [PROGRAMS / "hey", *words], env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def test_hey_reports_only_errors_if_nothing_listens() -> None:
    done = _hey("-n", "4", "-c=2", "http://127.0.0.1:1/")

    assert done.returncode == 0
    assert done.stdout == (
        "\nError distribution:\n"
        '  [4]\tGet "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused\n\n'
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("-n", "1", "-c", "2", "http://x"), "-n cannot be less than -c."),
        (("-n", "0", "http://x"), "-n and -c cannot be smaller than 1."),
        (("ftp://x",), '"ftp://x" is not an http or https URL'),
        (("-H", "no", "http://x"), "could not parse the provided input; input = no"),
    ],
)
def test_hey_refuses_wrong_options(words: tuple[str, ...], error: str) -> None:
    done = _hey(*words)

    assert (done.returncode, done.stderr.partition("\n")[0]) == (1, error)


def test_the_store_s_programs_are_executable() -> None:
    for file in (PROGRAMS / "hey", PROGRAMS.parent / "files/http/handler"):
        assert file.stat().st_mode & 0o111


def test_every_function_of_the_store_names_its_image_on_each_platform() -> None:
    file = Path(__file__).parents[2] / "labkit/openfaas_cli/faas_cli/store.json"
    for function in json.loads(file.read_text())["functions"]:
        assert sorted(function["images"]) == ["arm64", "armhf", "x86_64"]
        assert set(function["images"].values()) == {next(iter(function["images"].values()))}
