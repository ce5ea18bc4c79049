"""A lab with more calls in its event log than anybody keeps."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually
from labs import start_lab
from nats.aio.client import Client

from benchmarks.event_log import finished_calls
from labkit import Lab
from labkit_services.contract.events import encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.publisher import Publisher

KEPT = 10_000
ROOT = Path(__file__).parents[2]


@dataclass
class FullLab:
    """A running lab, and the messages that fill its event log."""

    lab: Lab
    bodies: list[bytes]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullLab]:
    lab = start_lab(tmp_path_factory.mktemp("full"))
    bodies = _bodies(12_000)
    asyncio.run(_fill(lab, bodies))
    yield FullLab(lab, bodies)
    lab.stop()


def _bodies(calls: int) -> list[bytes]:
    found = []
    for _ in range(0, calls, 100):
        ids = [str(uuid.uuid4()) for _ in range(100)]
        batches = finished_calls(ids, time.time_ns()).items()
        found += [encode_batch(service, f"{service}-4711", rows) for service, rows in batches]
    return found


async def _fill(lab: Lab, bodies: list[bytes]) -> None:
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    publisher = Publisher(client)
    await publisher.start()
    for body in bodies:
        await publisher.publish(event_subject(json.loads(body)["service"]), body, {})
    await client.close()


def test_the_inspector_with_all_calls_that_it_keeps_stays_below_its_bound(full: FullLab) -> None:
    """60 MB with full bins as well, which take less than 10."""
    inspector = next(service for service in full.lab.status().services if service.name == "inspector")

    def keeps_all() -> bool:
        return int(_calls_of_inspector(full.lab)["total"]) == KEPT

    eventually(keeps_all, within=20)
    memory = psutil.Process(inspector.pid).memory_full_info()

    assert getattr(memory, "pss", memory.uss) < 50e6


def _calls_of_inspector(lab: Lab) -> dict[str, object]:
    state = lab.aio.state
    headers = {"Authorization": f"Bearer {state.inspector_token}"}
    answer = httpx.get(f"{state.inspector_url}/api/v1/calls?limit=1", headers=headers, timeout=20)
    document: dict[str, object] = answer.raise_for_status().json()
    return document


def test_a_new_notebook_reads_all_calls_in_little_more_time_than_decoding_them(full: FullLab) -> None:
    """CPU time beside that of the standard library's decoder in the same minute."""
    command = [sys.executable, "-m", "benchmarks.learner", "record", str(full.lab.aio.workspace.root)]
    ratios = []
    for _ in range(3):
        begin = time.process_time()
        for body in full.bodies:
            json.loads(body)
        decoding = time.process_time() - begin
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        notebook = json.loads(ended.stdout)
        assert notebook["calls"] == KEPT
        ratios.append(notebook["first_cpu_ms"] / 1e3 / decoding)

    assert min(ratios) < 15  # 10 to 11.5 on an idle machine
