"""An OpenFaaS on another host: where its callbacks come, and a network that is cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventually import eventually
from openfaas_elsewhere import OpenFaas, openfaas

from labkit import Lab
from labkit.errors import CallbackUrlError, LabTimeoutError, RemoteGatewayError
from labkit_services.call_record.log import CallState
from tests.networks import Network, network, why_not

_REASON = why_not()
pytestmark = pytest.mark.skipif(bool(_REASON), reason=_REASON)
_HOST = "faas"


@pytest.fixture(scope="module")
def hosts() -> Iterator[Network]:
    with network(os.getpid() % 200) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def remote(hosts: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFaas]:
    address = hosts.add(_HOST)
    folder = tmp_path_factory.mktemp("openfaas")
    with openfaas(folder, on=lambda command: hosts.on(_HOST, command), listen=address) as found:
        assert address in found.url
        yield found


def test_callbacks_come_to_this_machines_address_on_the_way_to_the_gateway(
    hosts: Network, remote: OpenFaas, workspace: Path
) -> None:
    with Lab.connect(remote.url, remote.user, remote.password, workspace=workspace) as lab:
        assert lab.bin("mine").url.startswith(f"http://{hosts.own}:")
        lab.deploy("cat", fprocess="cat")
        assert lab.invoke_async("cat", "hello").result(20).text == "hello"
        lab.reset()


def test_loopback_is_refused_for_a_gateway_on_another_host(
    hosts: Network, remote: OpenFaas, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_CALLBACK_URL", "http://127.0.0.1:9099")

    with pytest.raises(CallbackUrlError, match="leads back") as raised:
        Lab.connect(remote.url, remote.user, remote.password, workspace=workspace)
    assert hosts.own in raised.value.expected


def test_a_chosen_callback_url_is_used(hosts: Network, remote: OpenFaas, workspace: Path) -> None:
    chosen = f"http://{hosts.own}:9099"
    with Lab.connect(
        remote.url, remote.user, remote.password, callback_url=chosen, workspace=workspace
    ) as lab:
        assert lab.bin("mine").url == f"{chosen}/r/mine"
        assert lab.invoke_async("nobody").wait(20).state is CallState.FAILED


def test_a_network_that_is_cut_in_a_call_is_one_clear_error(
    hosts: Network, remote: OpenFaas, workspace: Path
) -> None:
    with Lab.connect(remote.url, remote.user, remote.password, workspace=workspace) as lab:
        lab.deploy("slow", fprocess="sleep 1")
        lab.invoke("slow")
        call = lab.invoke_async("slow")
        hosts.cut(_HOST)
        try:
            with pytest.raises(LabTimeoutError, match="timed out after 2 s"):
                call.wait(2)
            with pytest.raises(RemoteGatewayError):
                lab.invoke("slow", timeout=1)
        finally:
            hosts.heal(_HOST)
        eventually(lambda: lab.invoke("slow").ok, within=30)
        lab.reset()
