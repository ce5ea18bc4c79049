"""OpenFaaS's store functions, deployed with faas-cli and called in a lab."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from gateways import client, until
from terminals import Terminal

from labkit import Lab

pytestmark = pytest.mark.row("4.4 store")


@pytest.fixture(scope="module")
def terminal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(tmp_path_factory.mktemp("store"), lab)


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http_:
        yield http_


class StoreFunction:
    """A function of the store that is deployed and ready."""

    def __init__(self, terminal: Terminal, http: httpx.Client, function: str) -> None:
        self.name = f"{function}-{uuid.uuid4().hex[:6]}"
        self._terminal = terminal
        self._http = http
        terminal.faas("store", "deploy", function, "--name", self.name)
        terminal.faas("ready", self.name, "--interval", "50ms")

    def invoke(self, body: str = "", *flags: str) -> str:
        """Return what ``faas-cli invoke`` prints."""
        return self._terminal.run("faas-cli", "invoke", self.name, *flags, body=body.encode()).stdout.decode()

    def post(self, path: str = "", body: str = "", **headers: str) -> httpx.Response:
        """Return the response to a POST."""
        return self._http.post(f"/function/{self.name}{path}", content=body, headers=headers)

    def log(self) -> str:
        """Return the lines of the function's log."""
        messages = self._http.get("/system/logs", params={"name": self.name, "tail": -1}).text.splitlines()
        return "".join(json.loads(message)["text"].rstrip("\n") + "\n" for message in messages)


@pytest.fixture
def deployed(
    terminal: Terminal, http: httpx.Client, request: pytest.FixtureRequest
) -> Iterator[StoreFunction]:
    """The function that the test's parameter names."""
    function = StoreFunction(terminal, http, request.param)
    yield function
    terminal.faas("remove", function.name)


@pytest.mark.parametrize("deployed", ["nodeinfo"], indirect=True)
def test_nodeinfo(deployed: StoreFunction) -> None:
    lines = deployed.invoke().splitlines()

    assert lines[0].startswith(f"Hostname: {deployed.name}-")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "Arch",
        "CPUs",
        "Total mem",
        "Platform",
        "Uptime",
    ]
    assert "internal: true" in deployed.invoke("verbose")
    assert deployed.post().headers["Content-Type"] == "text/plain"


@pytest.mark.parametrize("deployed", ["sleep"], indirect=True)
def test_sleep(deployed: StoreFunction) -> None:
    answer = deployed.post(**{"X-Sleep": "10ms"})
    assert (answer.status_code, answer.text) == (200, "Slept for: 0.010000s")
    assert deployed.invoke("", "-H", "X-Sleep: 1ms") == "Slept for: 0.001000s"

    wrong = deployed.post(**{"X-Sleep": "2"})
    assert wrong.status_code == 400
    assert wrong.text == 'Error parsing X-Sleep header: time: missing unit in duration "2"'
    eventually(lambda: "Sleep done for: 0.010000s" in deployed.log())


def test_sleep_sleeps_for_sleep_duration(terminal: Terminal, http: httpx.Client) -> None:
    name = f"sleep-{uuid.uuid4().hex[:6]}"
    terminal.faas(
        "deploy", "--image=ghcr.io/openfaas/sleep:latest", "--name", name, "-e", "sleep_duration=1ms"
    )
    terminal.faas("ready", name, "--interval", "50ms")

    assert http.post(f"/function/{name}").text == "Slept for: 0.001000s"
    terminal.faas("remove", name)


@pytest.mark.parametrize("deployed", ["printer"], indirect=True)
def test_printer(deployed: StoreFunction) -> None:
    answer = deployed.post("/any", '{"a": [1]}', **{"Content-Type": "application/json", "X-Mine": "m"})

    assert (answer.status_code, answer.text) == (202, "")
    shown = '\n\n{\n    "a": [\n        1\n    ]\n}\n\n'
    eventually(lambda: shown in deployed.log())
    assert "\nX-Mine=[m]\n" in deployed.log()
    assert "\nContent-Type=[application/json]\n" in deployed.log()


@pytest.mark.parametrize("deployed", ["printer"], indirect=True)
def test_printer_shows_the_callback_of_an_async_call(
    deployed: StoreFunction, terminal: Terminal, http: httpx.Client
) -> None:
    url = f"{terminal.lab.gateway_url}/function/{deployed.name}"
    terminal.faas("deploy", "--image=functions/alpine:latest", "--name", "echo-to-print")

    accepted = http.post(
        "/async-function/echo-to-print", content="the result", headers={"X-Callback-Url": url}
    )

    assert accepted.status_code == 202
    eventually(
        lambda: "the result" in deployed.log() and "X-Function-Status=[200]" in deployed.log(), within=20
    )
    terminal.faas("remove", "echo-to-print")


@pytest.mark.parametrize("deployed", ["chaos"], indirect=True)
def test_chaos(deployed: StoreFunction) -> None:
    assert deployed.post().status_code == 200

    told = deployed.post("/set", '{"status": 429, "delay": "1ms", "body": "busy"}')
    assert (told.status_code, told.text) == (202, "")
    answer = deployed.post()
    assert (answer.status_code, answer.text) == (429, "busy")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert deployed.post("/set", "no JSON").status_code == 500
    deployed.post("/set", '{"status": 200}')
    assert deployed.invoke() == "busy"
    eventually(lambda: " /set POST\n" in deployed.log())


@pytest.mark.parametrize("deployed", ["sleep", "chaos"], indirect=True)
def test_where_the_original_panics_the_call_fails_and_the_function_goes_on(deployed: StoreFunction) -> None:
    """Go's server then closes the connection."""
    deployed.post("/set", '{"status": 1000}')

    assert deployed.post(**{"X-Min-Sleep": "2ms", "X-Max-Sleep": "1ms"}).status_code in (500, 502)

    deployed.post("/set", '{"status": 200}', **{"X-Sleep": "1ms"})
    assert deployed.post(**{"X-Sleep": "1ms"}).status_code == 200


def test_chaos_shows_retries(terminal: Terminal, http: httpx.Client) -> None:
    """What OpenFaaS's documentation of retries does with this function."""
    retry = {"attempts": "30", "codes": "429", "min_wait": "50ms", "max_wait": "100ms"}
    flags = [f"--annotation=com.openfaas.retry.{name}={value}" for name, value in retry.items()]
    name = f"chaos-{uuid.uuid4().hex[:6]}"
    terminal.faas("store", "deploy", "chaos", "--name", name, *flags)
    terminal.faas("ready", name, "--interval", "50ms")
    told = {"status": 429, "delay": "1ms", "body": "busy"}
    assert http.post(f"/function/{name}/set", json=told).status_code == 202

    call_id = http.post(f"/async-function/{name}", content="ping").headers["X-Call-Id"]

    def attempts() -> int:
        log = http.get("/system/logs", params={"name": name, "tail": -1}).text
        return log.count(" / POST")

    eventually(lambda: attempts() >= 2, within=20)
    http.post(f"/function/{name}/set", json={"status": 200})
    eventually(lambda: http.get(f"/async-function/{call_id}").json()["state"] == "done", within=20)
    terminal.faas("remove", name)


@pytest.mark.parametrize("deployed", ["curl"], indirect=True)
def test_curl(deployed: StoreFunction, terminal: Terminal) -> None:
    printed = deployed.invoke(f"-s -i {terminal.lab.gateway_url}/healthz")

    assert printed.startswith("HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("deployed", ["hey"], indirect=True)
def test_hey(deployed: StoreFunction, terminal: Terminal) -> None:
    printed = deployed.invoke(f"-n 20 -c 2 {terminal.lab.gateway_url}/healthz")

    assert printed.startswith("\nSummary:\n  Total:\t")
    assert "\nStatus code distribution:\n  [200]\t20 responses\n" in printed


@pytest.mark.parametrize("deployed", ["shasum"], indirect=True)
def test_shasum(deployed: StoreFunction) -> None:
    assert deployed.invoke("a").startswith("1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f53")


IMAGES = "nodeinfo printer curl hey sleep chaos chaos-fn shasum alpine figlet"


@pytest.mark.parametrize("image", IMAGES.split())
def test_deploy_by_image(terminal: Terminal, http: httpx.Client, image: str) -> None:
    name = f"by-image-{image}"

    terminal.faas("deploy", f"--image=ghcr.io/openfaas/{image}", "--name", name)

    until(lambda: http.get(f"/system/function/{name}").json().get("availableReplicas", 0) == 1, within=20)
    terminal.faas("remove", name)


def test_the_store_lists_what_is_tested_here(terminal: Terminal) -> None:
    listed = {each["name"] for each in json.loads(terminal.faas("store", "list", "--json"))}

    assert listed == {*IMAGES.split(), "env"} - {"chaos-fn"}
    assert Path(__file__).read_text().count("indirect=True") >= 8
