"""Bins as callback targets of a real lab: retried, held, forwarded, replayed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asynchronous import accept, new_function, settled, status
from eventually import eventually
from gateways import client
from labs import start_lab

from labkit import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that retries callbacks quickly and waits three seconds for each."""
    settings = {"callback_attempts": "4", "initial_callback_wait": "100ms", "upstream_timeout": "3s"}
    with start_lab(tmp_path_factory.mktemp("answers"), environment=settings) as lab:
        yield lab


@pytest.fixture
def gateway(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


@pytest.fixture
def api(lab: Lab) -> Iterator[httpx.Client]:
    """The inspector's API."""
    url = f"{lab.inspector_url}/api/v1/bins"
    headers = {"Authorization": f"Bearer {lab.aio.state.inspector_token}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20) as http:
        yield http


def requests(api: httpx.Client, name: str) -> list[dict[str, Any]]:
    return list(api.get(f"/{name}/requests", params={"order": "oldest"}).json()["requests"])


def test_a_callback_is_retried_through_a_sequence_of_503_503_200(
    lab: Lab, gateway: httpx.Client, api: httpx.Client
) -> None:
    api.put("/retried").raise_for_status()
    rule = {"status": 503, "times": 2, "then": [200], "when": {"function_status": 200}}
    api.put("/retried/responses", json=rule).raise_for_status()
    call = settled(
        gateway, accept(gateway, new_function(gateway, "cat"), "x", X_Callback_Url=lab.bin("retried").url)
    )
    assert call["state"] == "done"
    assert [each["response"]["status"] for each in requests(api, "retried")] == [503, 503, 200]


def test_the_worker_waits_for_a_callback_that_is_held(
    lab: Lab, gateway: httpx.Client, api: httpx.Client
) -> None:
    api.put("/held").raise_for_status()
    api.put("/held/hold", json={"enabled": True, "timeout": "20s"}).raise_for_status()
    call = accept(gateway, new_function(gateway, "cat"), "x", X_Callback_Url=lab.bin("held").url)
    held = eventually(lambda: api.get("/held/hold").json()["held"])
    assert not status(gateway, call)["settled"]
    assert api.put(f"/held/requests/{held[0]}/response", json={"status": 200}).status_code == 204
    assert settled(gateway, call)["callbacks"][-1]["status"] == 200


def test_a_callback_held_longer_than_the_worker_waits_is_sent_again(
    lab: Lab, gateway: httpx.Client, api: httpx.Client
) -> None:
    api.put("/long").raise_for_status()
    api.put("/long/hold", json={"enabled": True, "timeout": "20s"}).raise_for_status()
    accept(gateway, new_function(gateway, "cat"), "x", X_Callback_Url=lab.bin("long").url)
    eventually(lambda: len(requests(api, "long")) == 2)
    first, second = requests(api, "long")
    assert (first["response"]["rule"], second["response"]) == ("disconnected", None)
    assert 2.5 < first["timing"]["response_end"] < 5
    api.put("/long/hold", json={"enabled": False}).raise_for_status()
    eventually(lambda: requests(api, "long")[1]["response"])


def test_a_bin_in_front_of_a_function_forwards_and_replays_into_it(
    lab: Lab, gateway: httpx.Client, api: httpx.Client
) -> None:
    function = new_function(gateway, "cat")
    api.put("/front").raise_for_status()
    url = f"http://gateway:8080/function/{function}"
    assert api.put("/front/forward", json={"url": url}).status_code == 204
    answer = httpx.post(lab.bin("front").url, content=b"through", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "through")
    assert answer.headers["X-Call-Id"]
    assert api.delete("/front/forward").status_code == 204

    result = api.post("/front/requests/first/replay", json={"target": url, "body": "again"}).json()
    assert result["status"] == 200
    again = api.get(f"/front/requests/{result['id']}").json()
    assert base64.b64decode(again["response"]["body_base64"]) == b"again"
    assert "headers.X-Call-Id" in {each["field"] for each in result["diff"]["response"]}
    asynchronous = f"http://gateway:8080/async-function/{function}"
    assert api.post("/front/requests/first/replay", json={"target": asynchronous}).json()["status"] == 202
