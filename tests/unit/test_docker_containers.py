"""What a container is made with, what its output says, and a pull's progress; without an engine."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from labkit_services.docker_engine.progress import PullProgress
from labkit_services.gateway.functions.docker.container_output import ContainerOutput
from labkit_services.gateway.functions.docker.container_settings import (
    changed_amounts,
    container_labels,
    container_settings,
    replica_name,
)
from labkit_services.gateway.functions.docker.container_usage import usage_in
from labkit_services.gateway.functions.plan import UnusableDeploymentError
from labkit_services.gateway.functions.replica import ReplicaUsage
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.http import Origin


def spec(**fields: Any) -> FunctionSpec:
    return FunctionSpec("f", "me/f:1", **fields)


def settings(**fields: Any) -> dict[str, Any]:
    return container_settings(spec(**fields), cores=2)


class Reports:
    """Keeps what a runner reports."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[list[Any]] = []

    def started(self, instance: str) -> None: ...

    def ready(self, origin: Origin) -> None: ...

    def log(self, line: str) -> None:
        self.lines.append(line)

    def event(self, row: list[Any]) -> None:
        self.events.append(row)


def frame(number: int, data: bytes) -> bytes:
    return struct.pack(">BxxxI", number, len(data)) + data


def test_the_command_of_the_deployment_wins_over_its_variables() -> None:
    made = settings(env_process="cat", env_vars={"fprocess": "env", "A": "1"})

    assert made["environment"] == {"fprocess": "cat", "A": "1"}


def test_without_a_command_the_image_s_own_is_kept() -> None:
    assert settings()["environment"] == {}


def test_containers_are_published_on_loopback_only() -> None:
    assert settings()["ports"] == {"8080/tcp": ("127.0.0.1", None)}


def test_amounts_become_the_engine_s() -> None:
    made = settings(limits={"memory": "64Mi", "cpu": "1"}, requests={"memory": "32Mi", "cpu": "500m"})

    assert made["mem_limit"] == made["memswap_limit"] == 64 * 2**20
    assert (made["mem_reservation"], made["nano_cpus"], made["cpu_shares"]) == (32 * 2**20, 10**9, 512)


def test_amounts_that_the_engine_refuses_are_changed_and_reported() -> None:
    asked = {"memory": "5Mi", "cpu": "3"}

    made = settings(limits=asked)

    assert made["mem_limit"] == 6 * 2**20
    assert "nano_cpus" not in made
    assert changed_amounts(spec(limits=asked), 2).keys() == {"labkit/limits.memory", "labkit/limits.cpu"}
    assert changed_amounts(spec(limits={"memory": "6Mi", "cpu": "2"}), 2) == {}


@pytest.mark.parametrize("amount", [{"memory": "64Mi"}, {"cpu": "2"}])
def test_requests_beyond_the_limits_are_unusable(amount: dict[str, str]) -> None:
    with pytest.raises(UnusableDeploymentError, match=f"requests.{next(iter(amount))}"):
        settings(limits={"memory": "32Mi", "cpu": "1"}, requests=amount)


def test_a_read_only_root_has_a_writable_tmp() -> None:
    made = settings(read_only_root_filesystem=True)

    assert made["read_only"] is True
    assert made["tmpfs"] == {"/tmp": "rw,exec,mode=1777"}
    assert "read_only" not in settings()


def test_a_deployment_s_labels_do_not_replace_the_lab_s() -> None:
    labels = container_labels(spec(labels={"labkit.lab": "other", "team": "a"}), {"labkit.lab": "mine"})

    assert (labels["labkit.lab"], labels["team"]) == ("mine", "a")


def test_a_replica_s_name_fits_into_a_host_name() -> None:
    assert len(replica_name("f" * 63)) == 63
    assert replica_name("f") != replica_name("f")


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_lines_of_both_outputs_are_logged_however_the_stream_is_cut(size: int) -> None:
    stream = frame(1, b"out") + frame(2, "gr\u00fc".encode())
    stream += frame(1, b"put\nno end") + frame(2, b"\xc3\x9f\n")
    reports = Reports()
    output = ContainerOutput(reports)

    for start in range(0, len(stream), size):
        output.feed(stream[start : start + size])
    output.end()

    assert reports.lines == ["output", "gr\u00fc\u00df", "no end"]


def test_events_are_the_watchdog_s_and_nothing_else() -> None:
    row = [1, "process.started", "id", {"pid": 7}]
    others = ['[1, "call.answered", "id", {}]', "[1, 2]", "[not json", "{}"]
    reports = Reports()
    output = ContainerOutput(reports)

    for line in (json.dumps(row), '{"ready": "watchdog", "pid": 1}', *others):
        output.feed(frame(1, f"{line}\n".encode()))
    output.feed(frame(2, f"{json.dumps(row)}\n".encode()))

    assert reports.events == [row]
    assert reports.lines == [*others, json.dumps(row)]


def test_usage_leaves_out_the_kernel_s_cache() -> None:
    stats = {
        "cpu_stats": {"cpu_usage": {"total_usage": 5 * 10**8}},
        "memory_stats": {"usage": 30, "stats": {"inactive_file": 10}},
    }

    assert usage_in(stats, 10**9) == ReplicaUsage(500.0, 20)


def test_a_pull_s_progress_adds_up_its_layers() -> None:
    progress = PullProgress("me/f:1")
    for event in (
        {"status": "Pulling from me/f", "id": "1"},
        {"status": "Pulling fs layer", "id": "a"},
        {"status": "Already exists", "id": "b"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": 2_000_000, "total": 8_000_000}},
    ):
        progress.add(event)

    assert progress.line() == "pulling me/f:1: 2.0 of 8.0 MB, 1 of 2 layers"
    progress.add({"status": "Download complete", "id": "a"})
    progress.add({"status": "Pull complete", "id": "a"})
    assert progress.line() == "pulling me/f:1: 8.0 of 8.0 MB, 2 of 2 layers"
    progress.add({"error": "no such host"})
    assert progress.error == "no such host"
