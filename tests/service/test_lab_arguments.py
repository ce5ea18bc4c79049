"""Every method of the lab with arguments of the wrong type, or out of range."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
from labs import start_lab

from labkit import Lab
from labkit.errors import InvalidValueError, LabError, NoLabError, UnexpectedError
from labkit.lab.bin import Bin
from labkit.lab.call import CallHandle
from labkit.lab.queue import Queue
from labkit.lab.recording import Recording

NAN = float("nan")
ODD = [
    *(None, {}, {"a": 1}, [], ["x"], ("a",), 1, -1, 1.5, NAN, float("inf"), 10**400, True, "", "x", b"\xff"),
    *(object(), "\ud800", "a\0b", "/../x", "é", "a b\r\nX: y", "x" * 3000, "?q#f", {"é": "é"}, {"X": "\n"}),
    *(Path("/x"), int),
]

USUAL: dict[str, dict[str, Any]] = {
    "deploy": {"name": "odd", "fprocess": "cat"},
    "invoke": {"name": "cat"},
    "invoke_async": {"name": "cat"},
    "measure": {"function": "cat", "calls": 1, "progress": False, "timeout": 3},
    "call": {"call_id": "x"},
    "remove": {"name": "odd"},
    "logs": {"name": "cat"},
    "bin": {"name": "b"},
    "service": {"name": "nats"},
    "fault": {"service": "worker", "kind": "pause", "after": 0, "seconds": 0},
    "wait": {"timeout": 0.1},
    "wait_all": {"count": 1, "timeout": 0.1},
    "result": {"timeout": 0.1},
    "dead_letter": {"call_id": "x"},
}
NOT_CALLED = ("start", "attach", "stop", "reset", "kill", "restart", "folder", "row")
"""They would end or change the lab of the other tests, or take nothing."""


def _methods() -> Iterator[tuple[type, str, str]]:
    for of in (Lab, CallHandle, Queue, Bin):
        for name, method in inspect.getmembers(of, inspect.isfunction):
            if not name.startswith("_") and name not in NOT_CALLED:
                for parameter in list(inspect.signature(method).parameters)[1:]:
                    yield of, name, parameter


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type, Any]]:
    lab = start_lab(tmp_path_factory.mktemp("arguments"))
    lab.deploy("cat", fprocess="cat")
    call = lab.invoke_async("cat", b"x")
    call.wait()
    yield {Lab: lab, CallHandle: call, Queue: lab.queue(), Bin: lab.bin("b")}
    lab.stop()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are written by an odd name are written here."""
    monkeypatch.chdir(tmp_path)


def _call(method: Callable[..., Any], parameter: str, value: Any, usual: dict[str, Any]) -> None:
    if parameter == "path" and str(value).startswith("/"):
        return  # that would be written outside
    result = method(value) if parameter == "runs" else method(**{**usual, parameter: value})
    if isinstance(result, Recording):
        result.stop()


@pytest.mark.parametrize(("of", "name", "parameter"), list(_methods()))
def test_an_odd_argument_is_no_traceback(
    objects: dict[type, Any], of: type, name: str, parameter: str
) -> None:
    for value in ODD:
        try:
            _call(getattr(objects[of], name), parameter, value, USUAL.get(name, {}))
        except UnexpectedError as error:
            pytest.fail(f"{name}({parameter}={value!r}): {error}")
        except LabError:
            continue


@pytest.mark.parametrize(
    ("call", "expected", "seen"),
    [
        (lambda lab: lab.plot("x"), "Measurement", "'x'"),
        (lambda lab: lab.plot_queue("x"), "Measurement", "'x'"),
        (lambda lab: lab.invoke("cat", {"a": 1}), "text or bytes", "{'a': 1}"),
        (lambda lab: lab.invoke_async("cat", None), "text or bytes", "None"),
        (lambda lab: lab.invoke(5), "text", "5"),
        (lambda lab: lab.deploy("a", env={"a": 1}), "a dict of text to text or None", "{'a': 1}"),
        (lambda lab: lab.deploy("a", labels=["x"]), "a dict of text to text or None", "['x']"),
        (lambda lab: lab.bin(7), "text", "7"),
        (lambda lab: lab.call(None), "text", "None"),
        (lambda lab: lab.queue(3), "text", "3"),
        (lambda lab: lab.logs("gateway", tail=-1), "a number from 0 to 1,000,000,000", "-1"),
        (lambda lab: lab.invoke("cat", timeout=-1), "a number from 0 to 1,000,000,000", "-1"),
        (lambda lab: lab.invoke("cat", timeout=NAN), "a number from 0 to 1,000,000,000", "nan"),
        (lambda lab: lab.measure("cat", calls="10"), "a whole number", "'10'"),
        (lambda lab: lab.measure("cat", mode="both"), "'sync' or 'async'", "'both'"),
        (lambda lab: lab.invoke(), "invoke(name, body=b''", "invoke()"),
        (lambda lab: lab.invoke("cat", colour=1), "invoke(name, body=b''", "invoke('cat', colour=1)"),
        (lambda lab: lab.scale_workers("two"), "a whole number", "'two'"),
        (lambda lab: asyncio.run(lab.aio.invoke("cat", {"a": 1})), "text or bytes", "{'a': 1}"),
    ],
)
def test_the_error_names_what_is_expected_and_what_was_seen(
    objects: dict[type, Any], call: Callable[[Lab], Any], expected: str, seen: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        call(objects[Lab])

    assert caught.value.expected.startswith(expected)
    assert caught.value.seen == seen


@pytest.mark.parametrize("number", [numpy.int64, numpy.uint8, numpy.float32, Fraction])
def test_numbers_of_another_kind_are_taken_as_python_s(objects: dict[type, Any], number: Any) -> None:
    lab: Lab = objects[Lab]

    assert lab.invoke("cat", "x", timeout=number(30)).text == "x"
    run = lab.measure("cat", calls=numpy.int64(2), progress=False, timeout=number(30))
    assert len(run.calls) == 2
    lab.queue().max_inflight = numpy.int8(1)
    lab.scale_workers(numpy.uint16(1))
    assert asyncio.run(lab.aio.logs("gateway", tail=numpy.int32(1))).count("\n") <= 1


def test_a_lab_starts_with_numpy_s_numbers(tmp_path: Path) -> None:
    lab = Lab.start(tmp_path, gateway_port=numpy.int64(0), workers=numpy.int8(1), timeout=numpy.float64(30))
    lab.stop()


@pytest.mark.parametrize("folder", ["~no-such-user/x", "a:b", "mit Leerzeichen", "中文"])
def test_a_workspace_of_an_odd_name_is_no_fault(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoLabError):
        Lab.attach(folder)


def test_what_nobody_expected_is_short_and_its_traceback_in_a_file(
    objects: dict[type, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = objects[Lab]
    monkeypatch.setenv("LABKIT_WORKSPACE", str(lab.workspace))

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(lab.aio._target.connections.gateway, "functions", broken)
    with pytest.raises(UnexpectedError) as caught:
        lab.functions()

    log = lab.workspace / ".labkit/logs/errors.log"
    assert caught.value.seen == "ZeroDivisionError: on purpose"
    assert str(log) in caught.value.next_step
    assert "Traceback" not in str(caught.value)
    assert "ZeroDivisionError: on purpose" in log.read_text()
