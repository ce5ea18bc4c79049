"""Accepting with ``sync_interval: always``: many calls at once share their fsyncs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from eventually import eventually
from labs import deploy, start_lab
from nats.js.errors import NotFoundError

from labkit import Lab
from labkit_services.call_record.log import CallState
from labkit_services.contract.headers import CALL_ID
from labkit_services.contract.names import DEFAULT_QUEUE
from labkit_services.contract.queues import queue_stream
from labkit_services.http import HttpClient
from labkit_services.jetstream.connection import Client

CALLS = 96


async def accept(lab: Lab, run: str) -> list[int]:
    """Make calls at once; return their statuses."""
    http = HttpClient()

    async def call(number: int) -> int:
        url = f"{lab.gateway_url}/async-function/cat"
        headers = [(CALL_ID, f"{run}-{number}"), ("X-Own", str(number))]
        answer = await http.request("POST", url, headers, str(number).encode())
        await answer.read()
        return answer.status

    try:
        return await asyncio.gather(*map(call, range(CALLS)))
    finally:
        http.close()


async def stored(lab: Lab) -> list[dict[str, str]]:
    """Return the NATS headers of all queued calls."""
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    try:
        js, stream = client.jetstream(), queue_stream(DEFAULT_QUEUE)
        state = (await js.stream_info(stream)).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            try:
                found.append(dict((await js.get_msg(stream, sequence)).headers or {}))
            except NotFoundError:
                continue
        return found
    finally:
        await client.close()


def queue_and_run(lab: Lab, run: str) -> int:
    """Queue calls while no worker runs, then let them run; return how many came by a batch."""
    with lab.worker.stopped():
        assert asyncio.run(accept(lab, run)) == [202] * CALLS
        headers = asyncio.run(stored(lab))
        assert len(headers) == CALLS
    expected = {(f"{run}-{number}", CallState.DONE, 1) for number in range(CALLS)}

    def have_run() -> bool:
        calls = [
            (call.id, call.state, len(call.attempts)) for call in lab.calls() if call.id.startswith(f"{run}-")
        ]
        return len(calls) == CALLS and set(calls) == expected

    eventually(have_run, within=30)
    return sum("Nats-Batch-Id" in each for each in headers)


def test_calls_at_once_are_stored_by_batches_and_each_runs_once(workspace: Path) -> None:
    with start_lab(workspace, sync_interval="always", max_inflight=8) as lab:
        deploy(lab, "cat")
        assert queue_and_run(lab, "first") > CALLS / 2
        assert lab.invoke_async("cat", "alone").result(30).text == "alone"


def test_a_lab_can_change_the_setting_and_keeps_its_queue(workspace: Path) -> None:
    with start_lab(workspace, max_inflight=8) as lab:
        deploy(lab, "cat")
        assert queue_and_run(lab, "never") == 0
    with start_lab(workspace, max_inflight=8, sync_interval="always") as lab:
        assert queue_and_run(lab, "always") > CALLS / 2
    with start_lab(workspace, max_inflight=8) as lab:
        assert queue_and_run(lab, "again") == 0
