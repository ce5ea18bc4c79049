"""A call id is no job's identity: what several calls with one id share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import labkit_command
import pytest
from asynchronous import QUICK, accept, letters, new_function, script, settled
from eventually import eventually
from gateways import client

from labkit import Lab

ALIAS = "http://gateway.openfaas:8080"


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


@pytest.fixture
def call_id() -> str:
    return f"job-{time.time_ns()}"


def appending(folder: Path, name: str) -> str:
    """Return a command that appends its input to a file."""
    return script(folder, f"cat >> {folder / name}; echo >> {folder / name}; echo from-{name}\n")


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def of(http: httpx.Client, call_id: str, function: str, wait: float = 10) -> dict[str, object]:
    """Return the status of one function's call."""
    answer = http.get(f"/async-function/{call_id}", params={"function": function, "wait": wait})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_callback_to_an_asynchronous_function_runs_it(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    first, second = new_function(http, "cat"), new_function(http, appending(tmp_path, "b"))

    accept(http, first, "x", X_Call_Id=call_id, X_Callback_Url=f"{ALIAS}/async-function/{second}")

    eventually(lambda: lines(tmp_path / "b") == ["x"])
    assert of(http, call_id, second)["state"] == "done"
    call = settled(http, call_id)
    assert (call["function"], call["functions"]) == (first, [first, second])


def test_a_chain_of_three_functions_with_one_call_id_runs_each(
    http: httpx.Client, lab: Lab, tmp_path: Path, call_id: str
) -> None:
    third = new_function(http, appending(tmp_path, "c"))
    forward = (
        f"tee -a {tmp_path}/b | curl -s --data-binary @- "
        f'-H "X-Call-Id: $Http_X_Call_Id" {lab.gateway_url}/async-function/{third}\n'
    )
    second = new_function(http, script(tmp_path, forward))
    first = new_function(http, appending(tmp_path, "a"))

    url = f"{ALIAS}/async-function/{second}"
    accept(http, first, "x", X_Call_Id=call_id, X_Callback_Url=url)

    eventually(lambda: lines(tmp_path / "c") == ["from-a"])
    assert (lines(tmp_path / "a"), lines(tmp_path / "b")) == (["x"], ["from-a"])
    assert [of(http, call_id, name)["state"] for name in (first, second, third)] == ["done"] * 3
    assert settled(http, call_id)["functions"] == [first, second, third]


def test_a_callback_to_the_call_s_own_function_runs_it_again(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    function = new_function(http, script(tmp_path, f"tee -a {tmp_path / 'runs'}\n"))

    accept(http, function, "x\n", X_Call_Id=call_id, X_Callback_Url=f"{ALIAS}/async-function/{function}")

    eventually(lambda: lines(tmp_path / "runs") == ["x", "x"])
    assert settled(http, call_id)["state"] == "done"


def test_one_correlation_id_for_three_functions_is_three_calls(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    functions = {name: new_function(http, appending(tmp_path, name)) for name in "abc"}
    for name, function in functions.items():
        answer = http.post(
            f"/async-function/{function}", content=f"for-{name}", headers={"X-Call-Id": call_id}
        )
        assert (answer.status_code, "X-Duplicate" in answer.headers) == (202, False)

    for name, function in functions.items():
        assert of(http, call_id, function)["state"] == "done"
        # The record has an event a moment after it happens.
        eventually(lambda f=function: of(http, call_id, f)["functions"] == list(functions.values()))
        result = http.get(f"/async-function/{call_id}/result", params={"function": function})
        assert (result.text.strip(), result.headers["X-Function-Name"]) == (f"from-{name}", function)
        assert lines(tmp_path / name) == [f"for-{name}"]
    assert http.get(f"/async-function/{call_id}/result").headers["X-Function-Name"] == functions["a"]
    unknown = http.get(f"/async-function/{call_id}", params={"function": "other"})
    assert unknown.status_code == 404


def test_one_correlation_id_for_three_requests_of_a_function_runs_each(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    function = new_function(http, appending(tmp_path, "runs"))
    for body in ("one", "two", "three"):
        accept(http, function, body, X_Call_Id=call_id)

    eventually(lambda: sorted(lines(tmp_path / "runs")) == ["one", "three", "two"])
    assert settled(http, call_id)["state"] == "done"


def test_a_request_that_is_sent_again_after_a_broken_connection_is_one_call(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    function = new_function(http, appending(tmp_path, "runs"))
    for name in (function, f"{function}.openfaas-fn", function):
        accept(http, name, "x", X_Call_Id=call_id)

    settled(http, call_id)
    settled(http, accept(http, function, "later"))
    assert lines(tmp_path / "runs") == ["x", "later"]


def test_cancelling_a_shared_call_id_needs_the_function_and_ends_only_its_call(
    http: httpx.Client, tmp_path: Path, call_id: str
) -> None:
    slow = new_function(http, "sleep 60")
    other = new_function(http, script(tmp_path, f"sleep 1; echo ran > {tmp_path / 'ran'}\n"))
    for function in (slow, other):
        accept(http, function, X_Call_Id=call_id)

    refused = http.delete(f"/async-function/{call_id}")

    assert (refused.status_code, slow in refused.text, other in refused.text) == (409, True, True)
    assert http.delete(f"/async-function/{call_id}", params={"function": slow}).status_code == 202
    assert of(http, call_id, slow)["state"] == "cancelled"
    assert of(http, call_id, other)["state"] == "done"
    assert lines(tmp_path / "ran") == ["ran"]


def test_dead_letters_of_a_shared_call_id_are_redriven_by_function(http: httpx.Client, call_id: str) -> None:
    failing = {**QUICK, "com.openfaas.retry.attempts": "1"}
    functions = [new_function(http, "false", failing) for _ in range(2)]
    for function in functions:
        accept(http, function, X_Call_Id=call_id)
    eventually(lambda: len(letters(http, call_id)) == 2)

    path = f"/system/queues/faas-request/dead-letters/{call_id}"
    (letter,) = http.get(path, params={"function": functions[1]}).json()
    assert letter["function"] == functions[1]
    body = {"callId": call_id, "function": functions[0]}
    assert http.post("/system/queues/faas-request/dead-letters/redrive", json=body).json() == {"redriven": 1}
    eventually(lambda: len(of(http, call_id, functions[0])["attempts"]) == 2)  # type: ignore[arg-type]
    assert len(of(http, call_id, functions[1])["attempts"]) == 1  # type: ignore[arg-type]
    assert http.delete(path, params={"function": functions[1]}).json() == {"purged": 1}
    eventually(lambda: [each["function"] for each in letters(http, call_id)] == [functions[0]])


def test_waiting_for_a_call_is_waiting_for_its_own_function(lab: Lab, http: httpx.Client) -> None:
    first, second = new_function(http, "cat"), new_function(http, "sleep 1")

    call = lab.invoke_async(first, b"x", callback=f"{ALIAS}/async-function/{second}")

    assert (call.wait().function, call.result().text) == (first, "x")
    following = lab.call(call.id, second)
    assert (following.wait().function, following.result().body) == (second, b"")
    assert {each.function for each in lab.calls() if each.id == call.id} == {first, second}


def test_the_command_line_shows_and_chooses_the_functions_of_a_shared_call_id(
    lab: Lab, http: httpx.Client, call_id: str
) -> None:
    first, second = new_function(http, "echo one"), new_function(http, "echo two")
    for function in (first, second):
        accept(http, function, X_Call_Id=call_id)
        of(http, call_id, function)

    def run(*arguments: str, code: int = 0) -> str:
        return labkit_command.labkit(lab.workspace, "--workspace", str(lab.workspace), *arguments, code=code)

    assert f"others    {second}: see --function" in run("call", call_id)
    assert run("call", call_id, "--function", second, "--result", "--wait", "5") == "two\n"
    assert "add ?function=NAME" in run("cancel", call_id, code=1)
    assert "it is done" in run("cancel", call_id, "--function", second, code=1)
