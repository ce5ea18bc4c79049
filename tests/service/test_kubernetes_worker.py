"""The queue-worker as its manifest sets it up, as a process beside a lab: no cluster is at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from eventually import eventually
from labs import start_lab

from labkit import Lab
from labkit_services.call_record.log import CallState

MANIFEST = Path(__file__).parents[2] / "deploy/kubernetes/queue-worker.yaml"


def container() -> dict[str, Any]:
    (only,) = yaml.safe_load(MANIFEST.read_text())["spec"]["template"]["spec"]["containers"]
    return only


@pytest.fixture
def queued_lab(workspace: Path) -> Iterator[Lab]:
    lab = start_lab(workspace)
    yield lab
    lab.stop()


def test_the_queue_worker_of_the_manifest_runs_calls_of_a_lab_and_answers_its_probe(
    queued_lab: Lab, tmp_path: Path
) -> None:
    state = queued_lab.aio.state
    settings = {one["name"]: one["value"] for one in container()["env"]}
    assert settings["gateway_url"] == "http://gateway.openfaas:8080"
    (secret,) = container()["envFrom"]
    assert secret == {"secretRef": {"name": "labkit-nats"}}
    settings |= {
        "nats_url": state.nats_url,
        "nats_token": state.nats_token,
        "gateway_url": state.gateway_url,
        "metrics_port": "0",
    }
    queued_lab.deploy("shout", fprocess="tr a-z A-Z")

    with queued_lab.worker.stopped(), (tmp_path / "out").open("wb") as out:
        call = queued_lab.invoke_async("shout", "hello")
        worker = subprocess.Popen(
            [sys.executable, "-m", "labkit_services.queue_worker"],
            env={**os.environ, **settings},
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: call.status().state is CallState.DONE)
            ready = yaml.safe_load((tmp_path / "out").read_text())
            health = ready["metrics"].replace("/metrics", container()["readinessProbe"]["httpGet"]["path"])
            assert httpx.get(health, trust_env=False).status_code == 200
        finally:
            worker.terminate()
            assert worker.wait(20) == 0
