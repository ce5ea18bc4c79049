"""Every way to log in to an existing NATS, and what its refusals say."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import LOOPBACK, Cluster, cluster_of
from labkit_command import labkit, next_line
from labkit_command import running as running_command

from labkit import Lab
from labkit.errors import InvalidValueError, LabRunningError, NatsAccessError
from labkit_services.jetstream.access import opened
from labkit_services.runtime.nats_login import NatsLogin
from tests.nats_cluster import PASSWORD, Certificates, Nodes, context_file, operator_mode, running

pytestmark = pytest.mark.timeout(200)
TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One node with TLS and accounts."""
    with cluster_of(tmp_path_factory.mktemp("single"), (LOOPBACK,)) as cluster:
        yield cluster


def run_a_call(workspace: Path, nats: str, credentials: Path | str | None) -> Lab:
    lab = Lab.start(
        workspace, nats=nats, nats_credentials=credentials, gateway_port=0, inspector_port=0, timeout=60
    )
    lab.deploy("cat", fprocess="cat")
    assert lab.invoke_async("cat", b"hello").result().body == b"hello"
    return lab


@pytest.mark.parametrize("way", ["user", "nkey", "user in the address"])
def test_a_lab_logs_in_with(way: str, cluster: Cluster, workspace: Path) -> None:
    cluster.empty()
    nats, ca = cluster.nodes.urls, cluster.certificates.ca
    credentials = {
        "user": cluster.credentials(),
        "nkey": context_file(cluster.folder / "nkey.json", nkey=cluster.nkey_file, ca=ca),
        "user in the address": ca,
    }[way]
    if way == "user in the address":
        nats = nats.replace("tls://", f"tls://ada:{PASSWORD.replace(' ', '%20')}@")
    lab = run_a_call(workspace, nats, credentials)
    status = lab.status().service("nats-server")
    assert (status.state, status.address, status.pid) == ("ready", cluster.nodes.urls, 0)
    assert [replicas for replicas in asyncio.run(_replicas(cluster.login())) if replicas != 1] == []
    lab.stop()


async def _replicas(login: NatsLogin) -> list[int]:
    async with opened(login, "test") as (client, _):
        return [info.config.num_replicas or 0 for info in await client.jetstream().streams_info()]


def test_a_lab_and_a_worker_log_in_with_a_creds_file(tmp_path: Path, workspace: Path) -> None:
    creds = tmp_path / "ada.creds"
    with running(Nodes(tmp_path, [LOOPBACK], operator_mode(creds))) as nodes:
        nodes.wait_ready(NatsLogin.of(nodes.urls, creds))
        lab = run_a_call(workspace, nodes.urls, creds)
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        options = ("--nats", nodes.urls, "--nats-credentials", str(creds), "--gateway", lab.gateway_url)
        with running_command(folder, "worker", *options, "--json") as worker:
            assert json.loads(next_line(worker))["ready"] == "queue-worker"
            assert len(lab.queue().status().workers) == 2
        lab.stop()


def test_a_lab_logs_in_with_a_token_and_with_a_client_certificate(tmp_path: Path, workspace: Path) -> None:
    certificates = Certificates(tmp_path / "certificates", [LOOPBACK])
    (certificate, key), (client, client_key) = certificates.server, certificates.client
    tls = f'cert_file: "{certificate}", key_file: "{key}", ca_file: "{certificates.ca}", verify: true'
    with running(Nodes(tmp_path, [LOOPBACK], f'authorization {{ token: "{TOKEN}" }}', tls)) as nodes:
        certified = {"ca": certificates.ca, "cert": client, "key": client_key}
        file = context_file(tmp_path / "full.json", token=TOKEN, **certified)
        nodes.wait_ready(NatsLogin.of(nodes.urls, file))
        with pytest.raises(NatsAccessError, match="client certificate"):
            check(nodes.urls, context_file(tmp_path / "bare.json", token=TOKEN, ca=certificates.ca))
        run_a_call(workspace, nodes.urls, file).stop()


def check(nats: str, credentials: Path | str) -> None:
    """Connect and use JetStream, as a lab does first."""

    async def connect() -> None:
        async with opened(NatsLogin.of(nats, credentials), "test") as (client, problems):
            with problems.explained("use JetStream"):
                await client.jetstream().account_info()

    asyncio.run(asyncio.wait_for(connect(), 30))


@pytest.mark.parametrize(
    ("user", "headline"),
    [
        ("plain", "JetStream is not enabled for this account"),
        ("poor", "does not allow its user"),
        ("small", "can hold too few streams.*limit of 3"),
    ],
)
def test_an_account_that_is_not_enough_is_a_clear_error(
    user: str, headline: str, cluster: Cluster, workspace: Path
) -> None:
    with pytest.raises(NatsAccessError, match="(?s)" + headline) as refused:
        cluster.start_lab(workspace, user)
    assert "next:" in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_an_untrusted_certificate_is_a_clear_error(cluster: Cluster) -> None:
    stranger = cluster.credentials("bob", ca=cluster.certificates.other_ca)
    with pytest.raises(NatsAccessError, match="not trusted"):
        check(cluster.nodes.urls, stranger)
    with pytest.raises(NatsAccessError, match="not trusted"):  # by the system
        check(cluster.nodes.urls.replace("tls://", f"tls://ada:{PASSWORD.replace(' ', '%20')}@"), "")
    other_name = cluster.nodes.urls.replace(LOOPBACK, "127.0.0.2")
    with pytest.raises(NatsAccessError, match=r"can't be reached|not trusted"):
        check(other_name, cluster.credentials())


def test_a_wrong_password_is_a_clear_error(cluster: Cluster, tmp_path: Path) -> None:
    wrong = context_file(tmp_path / "wrong.json", user="ada", password="no", ca=cluster.certificates.ca)
    with pytest.raises(NatsAccessError, match="refused the login"):
        check(cluster.nodes.urls, wrong)


def test_a_password_is_not_sent_to_a_server_without_tls(tmp_path: Path) -> None:
    with running(Nodes(tmp_path, [LOOPBACK], f'authorization {{ token: "{TOKEN}" }}')) as nodes:
        nodes.wait_ready(NatsLogin(nodes.urls, token=TOKEN))
        with pytest.raises(NatsAccessError, match="does not use TLS"):
            check(nodes.urls.replace("nats://", f"tls://{TOKEN}@"), "")
        assert TOKEN not in nodes.log("node-1").read_text()


def test_a_server_without_jetstream_and_none_are_clear_errors(tmp_path: Path, workspace: Path) -> None:
    nodes = Nodes(tmp_path, [LOOPBACK], "")
    with pytest.raises(NatsAccessError, match="can't be reached"):
        check(nodes.urls, "")
    nodes.without_jetstream = True
    with running(nodes):
        asyncio.run(until_up(nodes.urls))
        with pytest.raises(NatsAccessError, match="JetStream is not enabled"):
            check(nodes.urls, "")


async def until_up(url: str) -> None:
    host, _, port = url.removeprefix("nats://").partition(":")
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)


def test_a_worker_without_a_gateway_is_a_clear_error(cluster: Cluster, workspace: Path) -> None:
    nats = ("--nats", cluster.nodes.urls, "--nats-credentials", str(cluster.credentials()))
    assert "--gateway http://HOST:PORT" in labkit(workspace, "worker", *nats, code=1)


def test_a_password_as_an_argument_is_refused(workspace: Path) -> None:
    refused = labkit(workspace, "up", "--nats", "nats://ada:secret@127.0.0.1:1", code=1)
    assert "every user of this machine" in refused
    assert "secret" not in refused


def test_the_variables_are_read_where_there_is_no_argument(
    cluster: Cluster, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.empty()
    monkeypatch.setenv("LABKIT_NATS", cluster.nodes.urls)
    monkeypatch.setenv("LABKIT_NATS_CREDENTIALS", str(cluster.credentials()))
    with pytest.raises(InvalidValueError, match="no address"):
        Lab.start(workspace, nats="http://127.0.0.1:1")
    own = Lab.start(workspace, nats="", gateway_port=0, inspector_port=0, timeout=60)
    assert own.status().service("nats-server").pid
    with pytest.raises(LabRunningError) as running:
        Lab.start(workspace)
    assert cluster.nodes.urls in running.value.expected
    own.stop()
    lab = Lab.start(workspace, gateway_port=0, inspector_port=0, timeout=60)
    assert os.environ["NATS_URL"] == cluster.nodes.urls
    lab.stop()
