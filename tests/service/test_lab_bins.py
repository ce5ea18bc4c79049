"""Bins from a notebook: responses, holds, verification, replay, files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from labs import deploy, start_lab

from labkit import Lab
from labkit.errors import InspectorError, InvalidValueError, VerificationError
from labkit.lab.bin import Bin


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("bins")) as running:
        deploy(running, "figlet")
        yield running


@pytest.fixture
def box(lab: Lab, request: pytest.FixtureRequest) -> Bin:
    """A bin for one test."""
    return lab.bin(f"bin-{abs(hash(request.node.nodeid)) % 10**9}")


def post(box: Bin, body: str = "", **headers: str) -> httpx.Response:
    return httpx.post(box.url, content=body, headers=headers, trust_env=False, timeout=20)


def test_a_bin_answers_with_a_sequence(box: Bin) -> None:
    responses = box.respond(503, times=2).then(200, "fine")
    assert repr(responses) == f"BinResponses({box.name!r}: 503 x 2, then 200)"
    assert [post(box).status_code for _ in range(4)] == [503, 503, 200, 200]
    assert post(box).text == "fine"
    box.respond_as_usual()
    assert post(box).json()["ok"]


def test_a_bin_answers_by_conditions_with_headers_template_and_delay(box: Bin) -> None:
    box.respond(
        201, "{{request.headers.X-Name}}", headers={"X-Sent": "yes"}, delay="100ms", when={"method": "POST"}
    )
    begun = time.monotonic()
    answer = post(box, **{"X-Name": "Ada"})
    assert (answer.status_code, answer.text, answer.headers["X-Sent"]) == (201, "Ada", "yes")
    assert time.monotonic() - begun >= 0.1
    assert httpx.get(box.url, trust_env=False).status_code == 200


def test_the_retry_lesson_503_503_200(lab: Lab, box: Bin) -> None:
    box.respond(503, times=2).then(200)
    call = lab.invoke_async("figlet", "hello", callback=box)
    requests = box.wait_all(3, call_id=call.id, timeout=30)
    call.wait(timeout=20)
    assert [request.status for request in box.requests()] == [503, 503, 200]
    assert {request.text for request in requests} == {"hello"}


def test_a_held_callback_is_answered_by_hand(lab: Lab, box: Bin) -> None:
    with box.hold(release_after=20) as hold:
        assert "20 s" in repr(hold)
        call = lab.invoke_async("figlet", "by hand", callback=box)
        request = box.wait(call_id=call.id)
        assert request.status is None
        request.answer(202, "thanks", headers={"X-By": "hand"})
        call.wait(timeout=20)
        with pytest.raises(InspectorError):
            request.answer(200)
    assert box.requests()[-1].status == 202
    assert post(box).status_code == 200


def test_a_held_request_is_dropped(box: Bin) -> None:
    box.hold()
    failed: list[Exception] = []

    def send() -> None:
        try:
            post(box)
        except httpx.HTTPError as error:
            failed.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    box.wait().drop()
    sender.join(10)
    assert isinstance(failed[0], httpx.RemoteProtocolError)
    box.respond_as_usual()


def test_verify_returns_a_verdict_or_says_what_differed(lab: Lab, box: Bin) -> None:
    call = lab.invoke_async("figlet", "x", callback=box)
    verdict = box.verify(1, function="figlet", function_status=200, within="15s")
    assert verdict.verified
    assert "holds" in str(verdict)
    assert "<table>" in verdict._repr_html_()

    with pytest.raises(VerificationError) as failed:
        box.verify(function="figlet", function_status=500, call_id=call.id)
    assert "function_status was 200, expected 500" in str(failed.value)
    assert box.verify(expect=[{"match": {"body": "x"}}], no_extra=True, ordered=True).verified


def test_never_fails_by_a_request_within_the_window(box: Bin) -> None:
    begun = time.monotonic()
    assert box.never(within="300ms").verified
    assert time.monotonic() - begun >= 0.3
    sender = threading.Timer(0.2, post, (box,))
    sender.start()
    with pytest.raises(VerificationError, match="not as expected"):
        box.never(within=10)
    sender.join(10)


@pytest.mark.parametrize("within", ["soon", "61s", -1])
def test_an_invalid_duration_is_refused(box: Bin, within: str | float) -> None:
    with pytest.raises(InvalidValueError):
        box.verify(within=within)


def test_an_invalid_condition_is_refused_in_the_inspector_s_words(box: Bin) -> None:
    with pytest.raises(InvalidValueError, match="unknown condition") as refused:
        box.verify(match={"colour": "red"})
    assert "function_status" in str(refused.value)


def test_a_request_is_replayed_with_changes_and_into_a_function(lab: Lab, box: Bin) -> None:
    post(box, "original", **{"X-Kind": "a"})
    original = box.wait()

    again = original.replay(body="changed", headers={"X-Kind": "b"}, times=2, gap="10ms")

    assert (again.status, len(again.ids)) == (200, 2)
    assert [request.text for request in box.requests()] == ["original", "changed", "changed"]
    assert {entry["field"] for entry in again.diff["request"]} >= {"body", "headers.X-Kind"}
    into = original.replay(to=f"{lab.gateway_url}/function/figlet")
    assert into.status == 200
    with pytest.raises(InspectorError):
        original.replay(to="http://192.0.2.1/")


def test_a_request_is_annotated(box: Bin) -> None:
    post(box)
    box.wait().annotate("look", mark="red", pinned=True)
    assert box.requests()[0].record["note"] == "look"


@pytest.mark.parametrize("ending", ["har", "jsonl", "csv"])
def test_requests_are_written_to_a_file_without_secrets(box: Bin, tmp_path: Path, ending: str) -> None:
    post(box, "body", Authorization="Bearer s3cr3t")
    text = box.to_har(tmp_path / f"run.{ending}").read_text()
    assert "s3cr3t" not in text
    assert "body" in text
    assert "s3cr3t" in box.to_har(tmp_path / "all.har", mask_secrets=False).read_text()


def test_a_file_is_loaded_into_another_bin(lab: Lab, box: Bin, tmp_path: Path) -> None:
    post(box, "kept")
    path = box.to_har(tmp_path / "run.har")
    assert json.loads(path.read_text())["log"]["entries"]
    other = lab.bin(f"{box.name}-copy")
    assert other.load(path) == 1
    assert other.requests()[0].text == "kept"


def test_a_bin_forwards_to_a_function(lab: Lab, box: Bin) -> None:
    box.forward(f"{lab.gateway_url}/function/figlet")
    assert post(box, "through").text == "through"
    box.respond_as_usual()
    assert post(box).json()["ok"]


@pytest.mark.anyio
async def test_the_same_from_asyncio(lab: Lab, box: Bin) -> None:
    twin = await lab.aio.bin(box.name)
    responses = await twin.respond(503, times=1)
    await responses.then(200)
    assert [post(box).status_code for _ in range(2)] == [503, 200]
    request = (await twin.requests())[0]
    assert (await request.replay()).status == 200
    assert (await twin.verify(3)).verified
