"""The real queue-worker: callbacks, log lines, concurrency, leases."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from gateways import client, deploy
from labs import start_lab, until_running
from receiver import receiver

from labkit import Lab
from labkit_services.contract.errors import InvalidValueError


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


@pytest.mark.row("2.4 callback headers")
def test_a_callback_carries_the_result_and_the_headers_of_openfaas(http: httpx.Client) -> None:
    deploy(http, "shout", "tr a-z A-Z")
    with receiver() as target:
        response = http.post(
            "/async-function/shout.openfaas-fn",
            content="later",
            headers={"X-Callback-Url": f"{target.url}/r/b?x=1", "Content-Type": "text/x"},
        )
        (callback,) = target.wait()

    assert (callback.method, callback.path, callback.body) == ("POST", "/r/b?x=1", b"LATER")
    headers = callback.headers
    assert headers["X-Call-Id"] == response.headers["X-Call-Id"]
    assert headers["X-Function-Status"] == "200"
    assert headers["X-Function-Name"] == "shout.openfaas-fn"
    assert re.fullmatch(r"\d+\.\d{6}", headers["X-Duration-Seconds"])
    assert headers["Content-Type"] == "text/x"
    assert "X-Start-Time" in headers
    assert headers["X-Served-By"].startswith("openfaas-ce/")
    assert headers["Content-Length"] == "5"


@pytest.mark.parametrize(
    ("fprocess", "env", "status", "body"),
    [
        ("sh -c exit", {}, "200", b""),
        ("false", {}, "500", b"exit status 1\n"),
        ("sleep 9", {"exec_timeout": "100ms"}, "408", b"Killed process.\n"),
        ("no-such-command", {}, "500", b'exec: "no-such-command": executable file not found in $PATH\n'),
    ],
)
@pytest.mark.row("2.4 outcomes")
def test_a_callback_reports_the_status_of_the_function(
    http: httpx.Client, fprocess: str, env: dict[str, str], status: str, body: bytes
) -> None:
    deploy(http, "ends", fprocess, envVars=env)
    with receiver() as target:
        http.post("/async-function/ends", headers={"X-Callback-Url": target.url})
        (callback,) = target.wait()

    assert callback.headers["X-Function-Status"] == status
    assert callback.body == body


@pytest.mark.row("2.4 unknown function")
def test_the_callback_of_an_unknown_function_reports_404(http: httpx.Client) -> None:
    with receiver() as target:
        http.post("/async-function/nobody", headers={"X-Callback-Url": target.url})
        (callback,) = target.wait()

    assert callback.headers["X-Function-Status"] == "404"


@pytest.mark.row("2.4 function as target")
def test_another_function_can_be_the_callback_target(http: httpx.Client, tmp_path: Path) -> None:
    received = tmp_path / "received"
    script = tmp_path / "receive.sh"
    script.write_text(f"cat > {received}\n")
    deploy(http, "cat-it", "cat")
    deploy(http, "receive", f"sh {script}")

    http.post(
        "/async-function/cat-it",
        content="pass it on",
        headers={"X-Callback-Url": "http://gateway:8080/function/receive"},
    )

    eventually(lambda: received.exists() and received.read_text() == "pass it on")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://x/", "/relative", "http://nowhere.invalid/"])
@pytest.mark.row("2.1 callback that leads nowhere")
def test_an_unreachable_callback_url_delays_no_other_call(http: httpx.Client, lab: Lab, url: str) -> None:
    deploy(http, "quick", "true")
    with receiver() as target:
        assert http.post("/async-function/quick", headers={"X-Callback-Url": url}).status_code == 202
        http.post("/async-function/quick", headers={"X-Callback-Url": target.url})
        target.wait()

    eventually(lambda: "Error posting to callback-url" in lab.logs("queue-worker", tail=20))


@pytest.mark.row("2.4 failed callback", "2.5 log lines")
def test_the_response_to_a_callback_is_logged(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "quick", "true")
    with receiver(status=503) as target:
        http.post("/async-function/quick", headers={"X-Callback-Url": target.url})
        target.wait()
        eventually(lambda: f"callback-url: {target.url}, status: 503" in lab.logs("queue-worker", tail=5))

        assert len(target.requests) == 1


@pytest.mark.row("2.5 log lines")
def test_the_log_has_the_lines_of_openfaas(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "logged-worker", "echo 1234")
    lab.invoke_async("logged-worker", "abc").wait(timeout=10)

    last = re.compile(r"^(\[#\d+\]) logged-worker returned 5 bytes$", re.M)
    number = eventually(lambda: last.search(lab.logs("queue-worker", tail=50)))
    # Retries of other tests' calls may log at the same time.
    lines = lab.logs("queue-worker", tail=50).splitlines()
    lines = [line for line in lines if line.startswith(f"{number[1]} ")][-4:]

    n = re.escape(number[1])
    assert re.fullmatch(rf"{n} Received on \[faas-request\]: '.*'", lines[0])
    assert re.fullmatch(rf"{n} Invoking: logged-worker with 3 bytes, via: http://\S+", lines[1])
    assert re.fullmatch(rf"{n} Invoked: logged-worker \[200\] in \d+\.\d{{6}}s", lines[2])
    assert lines[3] == f"{number[1]} logged-worker returned 5 bytes"


@pytest.mark.row("2.3 invocation")
def test_path_and_query_of_an_async_call_reach_the_function(http: httpx.Client) -> None:
    deploy(http, "env", "env")
    with receiver() as target:
        http.post("/async-function/env/a/b?x=%2F", headers={"X-Callback-Url": target.url, "X-Mine": "1"})
        (callback,) = target.wait()

    lines = callback.body.decode().splitlines()
    assert "Http_Path=/a/b" in lines
    assert "Http_Query=x=%2F" in lines
    assert "Http_X_Mine=1" in lines
    assert "Http_Method=POST" in lines


@pytest.mark.row("2.3 concurrency")
@pytest.mark.alone
def test_max_inflight_can_be_changed_at_run_time(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "nap", "sleep 0.3")
    lab.invoke("nap")

    lab.set_max_inflight(1)
    one = lab.measure("nap", calls=5, mode="async", progress=False)
    lab.set_max_inflight(5)
    five = lab.measure("nap", calls=5, mode="async", progress=False)
    lab.set_max_inflight(1)

    assert one.drained_after is not None
    assert five.drained_after is not None
    assert one.drained_after > 1.4
    assert five.drained_after < one.drained_after / 2


def test_lowering_max_inflight_and_restarting_use_up_no_attempts(workspace: Path) -> None:
    with start_lab(workspace, max_inflight=50) as lab:
        lab.deploy("attempt", fprocess="sh -c echo${IFS}$Http_X_Attempt")
        lab.invoke_async("attempt").result(20)  # now fifty messages are requested
        lab.set_max_inflight(1)
        lowered = [lab.invoke_async("attempt") for _ in range(20)]
        seen = [call.result(20).text for call in lowered]
        lab.set_max_inflight(50)
        lab.deploy("nap", fprocess="sleep 2")
        nap = lab.invoke_async("nap")
        until_running(nap)
        restart = threading.Thread(target=lambda: lab.restart("worker"))
        restart.start()
        eventually(lambda: lab.status().service("queue-worker").state != "ready")
        queued = [lab.invoke_async("attempt") for _ in range(20)]
        restart.join()
        seen += [call.result(20).text for call in queued]

        assert seen == ["1\n"] * 40
        assert len(nap.wait(20).attempts) == 1
        assert lab.queue().redelivered == 0


def test_a_running_call_finishes_before_its_worker_restarts(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        lab.deploy("long", fprocess="sleep 12")
        call = lab.invoke_async("long")
        until_running(call)
        lab.restart("worker")

        assert [attempt.status for attempt in call.wait(20).attempts] == [200]


_FAILS_TO_RENEW_ONCE = """
import sys
from pathlib import Path
from labkit_services.queue_worker.__main__ import start
from labkit_services.queue_worker.consumer import Consumer

renew = Consumer.renew
failed = Path(sys.argv[1])

async def fail_once(self):
    if self.credit.in_flight and not failed.exists():
        failed.touch()
        raise RuntimeError("no renewal")
    await renew(self)

Consumer.renew = fail_once
start()
"""


def test_a_worker_that_cannot_renew_leases_is_restarted(workspace: Path, tmp_path: Path) -> None:
    """Without renewal every long call would silently run twice."""
    command = [sys.executable, "-P", "-c", _FAILS_TO_RENEW_ONCE, str(tmp_path / "failed")]
    with start_lab(workspace, commands={"queue-worker": command}, ack_wait="3s") as lab:
        lab.deploy("nap", fprocess="sleep 4")

        call = lab.invoke_async("nap").wait(30)

        assert [attempt.status for attempt in call.attempts] == [None, 200]
        assert lab.status().service("queue-worker").restarts == 1
        assert "background task failed: renew leases" in lab.logs("queue-worker", tail=100)


@pytest.mark.parametrize("count", [0, -1, 100_000])
def test_an_invalid_max_inflight_is_refused_with_the_range(lab: Lab, count: int) -> None:
    with pytest.raises(InvalidValueError, match="from 1 to 1000"):
        lab.set_max_inflight(count)
