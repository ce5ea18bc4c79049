"""A lab on an existing cluster of three NATS nodes, with TLS and accounts."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from clusters import Cluster, CountedCalls, cluster_of
from eventually import eventually
from labkit_command import labkit

from labkit import Lab
from labkit.errors import InvalidValueError, NatsAccessError
from labkit_services.jetstream.streams import all_streams
from labkit_services.runtime.nats_login import NatsLogin
from tests.nats_cluster import PASSWORD, connected

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def module_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(module_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, with all nodes and without streams."""
    stopped = [name for name in module_cluster.nodes.names if name not in module_cluster.nodes.pids]
    if stopped:
        module_cluster.nodes.start(*stopped)
    module_cluster.nodes.wait_ready(module_cluster.login())
    module_cluster.empty()
    return module_cluster


@pytest.fixture
def lab(cluster: Cluster, workspace: Path) -> Iterator[Lab]:
    lab = cluster.start_lab(workspace, max_inflight=2, ack_wait="2s")
    yield lab
    lab.stop()


def stream_replicas(login: NatsLogin) -> dict[str, int]:
    """Return the replicas of all streams of an account, buckets included."""

    async def read() -> dict[str, int]:
        async with connected(login) as client:
            infos = await all_streams(client.jetstream())
            return {name: info.config.num_replicas or 0 for name, info in infos.items()}

    return asyncio.run(read())


def test_every_stream_of_a_lab_on_a_cluster_has_three_replicas(lab: Lab, cluster: Cluster) -> None:
    lab.deploy("cat", fprocess="cat", annotations={"com.openfaas.queue": "slow"})
    call = lab.invoke_async("cat", "hello", callback=lab.bin("answers"))
    call.wait()
    assert lab.bin("answers").wait().body == b"hello"
    replicas = stream_replicas(cluster.login())
    assert {"OF_slow", "OF_slow_dead", "LAB_EVENTS", "LAB_RESULTS", "LAB_CALLBACKS"} <= replicas.keys()
    assert {"KV_functions", "KV_secrets", "KV_namespaces", "KV_cancelled"} <= replicas.keys()
    assert set(replicas.values()) == {3}


def test_other_tools_find_the_same_streams_by_the_exported_context(lab: Lab, cluster: Cluster) -> None:
    assert os.environ["NATS_URL"] == cluster.nodes.urls
    assert os.environ["NATS_CONTEXT"] == lab.nats_context
    assert stat.S_IMODE(os.stat(lab.nats_context).st_mode) == 0o600
    assert "LAB_EVENTS" in stream_replicas(NatsLogin.of("", lab.nats_context))


def test_the_password_is_in_no_command_line_log_or_shown_state(lab: Lab, workspace: Path) -> None:
    supervisor = psutil.Process(lab.aio.state.pid)
    for process in (supervisor, *supervisor.children(recursive=True)):
        assert PASSWORD not in " ".join(process.cmdline())
    for log in (workspace / ".labkit/logs").glob("*.log"):
        assert PASSWORD not in log.read_text()
    holders = [
        path
        for path in (workspace / ".labkit").rglob("*")
        if path.is_file() and PASSWORD.encode() in path.read_bytes()
    ]
    assert holders == [Path(lab.nats_context)]
    for text in (repr(lab), str(lab.status()), repr(lab.aio.state), repr(lab.aio.settings)):
        assert PASSWORD not in text


def test_a_fault_of_a_nats_that_the_lab_does_not_own_is_refused(lab: Lab) -> None:
    for fault in (lab.nats.paused, lab.nats.stopped):
        with pytest.raises(InvalidValueError, match="does not own"), fault():
            pass
    with pytest.raises(InvalidValueError, match="does not own"):
        lab.kill("nats")


def test_a_killed_node_loses_no_call_and_repeats_none(lab: Lab, cluster: Cluster, tmp_path: Path) -> None:
    calls = CountedCalls(lab, tmp_path)
    calls.queue(40)
    cluster.nodes.kill("node-1")
    calls.queue(60)
    calls.wait()
    assert len(calls.accepted) + len(calls.refused) == 100
    assert len(calls.accepted) >= 95
    assert calls.repeated <= 2  # acknowledgements that the killed node got and did not pass on


def test_a_killed_worker_repeats_only_what_it_was_running(lab: Lab, tmp_path: Path) -> None:
    lab.scale_workers(2)
    calls = CountedCalls(lab, tmp_path, seconds=0.2)
    calls.queue(60)
    eventually(lambda: len(calls.runs) > 5)
    lab.kill("queue-worker-2")
    calls.wait()
    assert not calls.refused
    assert calls.repeated <= 2  # its max_inflight


def test_without_a_quorum_calls_are_refused_and_later_run_again(
    lab: Lab, cluster: Cluster, tmp_path: Path
) -> None:
    calls = CountedCalls(lab, tmp_path)
    calls.queue(10)
    cluster.nodes.kill("node-1", "node-2")
    calls.queue(2)
    assert len(calls.refused) == 2
    assert all(status >= 500 for status in calls.refused)
    eventually(lambda: lab.status().state == "blocked", within=20)
    assert "NATS stores nothing" in str(lab.status())
    cluster.nodes.start("node-1", "node-2")
    eventually(lambda: lab.status().state == "ready", within=60)
    calls.queue(10)
    calls.wait()
    assert len(calls.accepted) == 20
    assert calls.repeated <= 2


def test_a_reset_deletes_the_lab_s_streams_and_no_others(lab: Lab, cluster: Cluster) -> None:
    async def create() -> None:
        async with connected(cluster.login()) as client:
            js = client.jetstream()
            await js.add_stream(name="orders", subjects=["orders.>"])
            await js.add_stream(name="OF_of-another", subjects=["of-another"])

    asyncio.run(create())
    lab.deploy("cat", fprocess="cat")
    lab.reset()
    assert not lab.functions()
    replicas = stream_replicas(cluster.login())
    assert {"orders", "OF_of-another", "LAB_EVENTS"} <= replicas.keys()
    assert [queue.name for queue in lab.queues()] == ["faas-request"]


def test_a_stopped_lab_says_what_stays_and_goes_on_with_it(
    cluster: Cluster, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = cluster.start_lab(workspace)
    lab.deploy("cat", fprocess="cat")
    lab.deploy("slow", fprocess="sleep 30")
    lab.invoke("cat")
    for _ in range(3):
        lab.invoke_async("slow")
    lab.stop()
    said = capsys.readouterr().out
    assert cluster.nodes.urls in said
    assert "3 queued calls" in said
    again = cluster.start_lab(workspace)
    assert sorted(function["name"] for function in again.functions()) == ["cat", "slow"]
    again.stop()


def test_two_labs_need_two_accounts(lab: Lab, cluster: Cluster, tmp_path: Path, mark: str) -> None:
    other = tmp_path / f"other-{mark}"
    other.mkdir()
    with pytest.raises(NatsAccessError, match="another lab") as refused:
        cluster.start_lab(other)
    assert str(lab.workspace) in refused.value.seen
    assert "runs now" in refused.value.seen
    second = cluster.start_lab(other, "bob")
    second.deploy("cat", fprocess="cat")
    assert second.invoke_async("cat", "second").result().body == b"second"
    assert not lab.functions()
    second.stop()


def test_a_lab_that_is_gone_is_deleted_by_its_name_only(
    cluster: Cluster, workspace: Path, tmp_path: Path
) -> None:
    cluster.start_lab(workspace).stop()
    other = tmp_path / "other"
    other.mkdir()
    nats = ("--nats", cluster.nodes.urls, "--nats-credentials", str(cluster.credentials()))
    refused = labkit(other, "reset", "--force", *nats, code=1)
    assert str(workspace) in refused
    name = refused.split("--lab ")[1].split()[0]
    assert "10 streams" in labkit(other, "reset", "--force", *nats, "--lab", name)
    assert stream_replicas(cluster.login()) == {}


def test_streams_that_no_lab_has_made_are_not_taken(cluster: Cluster, workspace: Path) -> None:
    async def create() -> None:
        async with connected(cluster.login()) as client:
            await client.jetstream().add_stream(name="OF_faas-request", subjects=["faas-request"])

    asyncio.run(create())
    with pytest.raises(NatsAccessError, match="no lab has made") as refused:
        cluster.start_lab(workspace)
    assert "OF_faas-request" in refused.value.seen
