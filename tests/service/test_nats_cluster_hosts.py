"""NATS nodes and queue-workers on hosts of their own, whose network is cut.

The hosts are network namespaces; this machine has the lab.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from clusters import Cluster, CountedCalls, cluster_of
from eventually import eventually
from labkit_command import LABKIT

from labkit import Lab
from tests.marked_processes import MARK
from tests.networks import Network, network, why_not

_REASON = why_not()
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
]
NODES = ("node-1", "node-2", "node-3")
MAX_INFLIGHT = 2


@pytest.fixture(scope="module")
def hosts() -> Iterator[Network]:
    with network(os.getpid() % 200) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def cluster(hosts: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    addresses = tuple(hosts.add(name) for name in NODES)
    for name in ("worker-a", "worker-b"):
        hosts.add(name)
    with cluster_of(tmp_path_factory.mktemp("hosts"), addresses, hosts.on) as cluster:
        yield cluster


@pytest.fixture
def site(cluster: Cluster, hosts: Network, workspace: Path, tmp_path: Path) -> Iterator[Site]:
    """A lab that other hosts reach, with a worker of its own."""
    cluster.nodes.wait_ready(cluster.login())
    cluster.empty()
    lab = cluster.start_lab(workspace, listen=hosts.own, max_inflight=MAX_INFLIGHT, ack_wait="2s")
    yield Site(lab, cluster, hosts, tmp_path)
    lab.stop()


@dataclass(frozen=True)
class Site:
    """A lab, its cluster, and hosts on which workers can run."""

    lab: Lab
    cluster: Cluster
    hosts: Network
    folder: Path

    @contextmanager
    def worker(self, host: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``labkit worker`` on a host, in a folder without a lab."""
        folder = self.folder / host
        folder.mkdir()
        nats = ("--nats", self.cluster.nodes.urls, "--nats-credentials", str(self.cluster.credentials()))
        command = [LABKIT, "worker", *nats, "--gateway", self.lab.gateway_url]
        ours = ("LABKIT_", "NATS_")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        environment[MARK] = os.environ[MARK]
        before = workers(self.lab)
        with subprocess.Popen(self.hosts.on(host, command), cwd=folder, env=environment) as process:
            try:
                eventually(lambda: workers(self.lab) > before, within=60)
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


def workers(lab: Lab) -> int:
    """Return how many workers serve the default queue."""
    return len(lab.queue().status().workers)


def test_workers_on_other_hosts_share_the_queue(site: Site) -> None:
    calls = CountedCalls(site.lab, site.folder, seconds=0.3)
    with (
        site.worker("worker-a"),
        site.worker("worker-b"),
    ):
        status = site.lab.queue().status()
        assert {worker.max_inflight for worker in status.workers} == {MAX_INFLIGHT}  # the lab's settings
        call = site.lab.invoke_async("noted", callback=site.lab.bin("answers"))
        call.wait()
        calls.queue(60)
        calls.wait()
        processed = [worker.processed for worker in site.lab.queue().status().workers]
    assert calls.repeated == 0
    assert len([count for count in processed if count > 5]) == 3, processed


def test_a_node_and_a_worker_that_are_killed_lose_nothing(site: Site) -> None:
    calls = CountedCalls(site.lab, site.folder, seconds=0.2)
    with site.worker("worker-a") as worker:
        calls.queue(40)
        eventually(lambda: len(calls.runs) > 5)
        for child in (*children_of(worker.pid), worker.pid):
            os.kill(child, signal.SIGKILL)
        site.cluster.nodes.kill("node-2")
        calls.queue(20)
        calls.wait()
        site.cluster.nodes.start("node-2")
    assert len(calls.accepted) >= 55
    assert calls.repeated <= 2 * MAX_INFLIGHT


def test_a_worker_whose_network_is_cut_loses_nothing_and_works_again_when_it_heals(site: Site) -> None:
    calls = CountedCalls(site.lab, site.folder, seconds=0.2)
    with site.worker("worker-a"):
        calls.queue(40)
        eventually(lambda: len(calls.runs) > 5)
        site.hosts.cut("worker-a")
        calls.wait()
        assert calls.repeated <= MAX_INFLIGHT
        site.hosts.heal("worker-a")
        eventually(lambda: workers(site.lab) == 2, within=60)
        before = calls.repeated
        calls.queue(20)
        calls.wait()
        assert calls.repeated == before
    assert not calls.refused


def test_a_node_whose_network_is_cut_loses_nothing(site: Site) -> None:
    calls = CountedCalls(site.lab, site.folder, seconds=0.1)
    calls.queue(20)
    site.hosts.cut("node-3")
    try:
        calls.queue(20)
        calls.wait()
    finally:
        site.hosts.heal("node-3")
    site.cluster.nodes.wait_ready(site.cluster.login())
    eventually(lambda: site.lab.status().state == "ready", within=60)
    calls.queue(20)
    calls.wait()
    # A call that got no 202 in time may run all the same: its client would send it again with its id.
    assert all(status >= 500 for status in calls.refused)
    assert calls.repeated <= MAX_INFLIGHT


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]
