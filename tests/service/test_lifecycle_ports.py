"""The lab's ports stay its own while services restart; another program wants them all the time."""

from __future__ import annotations

import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from eventually import eventually
from labs import deploy, start_lab

from labkit import Lab
from tests.port_grabber import gets, grabbing

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ports are held on Linux only")


def addresses(lab: Lab) -> dict[str, str]:
    """Return every address of the services."""
    found = {}
    for service in lab.status().services:
        found |= {service.name: service.address, f"{service.name}-metrics": service.metrics}
    return {name: address for name, address in found.items() if address}


def wanted_of(lab: Lab) -> dict[str, str]:
    """Return what another program asks for: by number where other labs do so, too."""
    asked = {}
    for name, address in addresses(lab).items():
        by_number = name in ("gateway", "gateway-metrics", "inspector")
        asked[name] = f"{'' if by_number else 'any:'}{urlsplit(address).port}"
    return asked


def refuses(url: str) -> bool:
    where = urlsplit(url)
    try:
        socket.create_connection((where.hostname, where.port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_no_other_program_gets_a_port_while_services_restart(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        before, wanted = addresses(lab), wanted_of(lab)
        assert len(before) == 5
        with grabbing(**wanted) as got:
            lab.reset()
            for name in ("gateway", "inspector", "nats-server", "queue-worker"):
                lab.kill(name)
                eventually(lambda name=name: lab.status().service(name).restarts, within=10)
                eventually(lambda: lab.status().state == "ready", within=10)
                lab.restart(name)
            lab.reset()
        deploy(lab, "cat")

        assert [line for line in got if not line.startswith("rounds")] == []
        assert int(got[-1].removeprefix("rounds ")) > 20
        assert addresses(lab) == before
        assert lab.invoke("cat", "on").text == "on"
    for name, where in wanted.items():
        assert gets(where.removeprefix("any:")), f"{name} is not free after the end"


def test_a_stopped_service_refuses_connections_and_keeps_its_port(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        for name, url in (("gateway", lab.gateway_url), ("inspector", lab.inspector_url)):
            with lab.fault(name, "stop", seconds=2):
                eventually(lambda url=url: refuses(url), within=5)
                assert not gets(str(urlsplit(url).port))
            eventually(lambda url=url: not refuses(url), within=10)


def test_of_labs_that_start_at_once_one_has_the_preferred_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        preferred = [server.getsockname()[1] for server in (one, two)]

    def start(number: int) -> Lab:
        return start_lab(tmp_path / str(number), gateway_port=preferred[0], inspector_port=preferred[1])

    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        labs = [stack.enter_context(lab) for lab in pool.map(start, range(3))]
        ports = [urlsplit(url).port for lab in labs for url in addresses(lab).values()]

        assert len(set(ports)) == len(ports) == 15
        assert set(preferred) <= set(ports)


def test_a_lab_that_starts_during_a_reset_takes_other_ports(workspace: Path, tmp_path: Path) -> None:
    with start_lab(workspace) as lab:
        ports = [urlsplit(url).port for url in (lab.gateway_url, lab.inspector_url)]
        before, over = addresses(lab), threading.Event()

        def reset_until_over() -> int:
            resets = 0
            while not over.is_set():
                lab.reset()
                resets += 1
            return resets

        with ThreadPoolExecutor(1) as pool:
            resets = pool.submit(reset_until_over)
            try:
                for number in range(5):
                    folder = tmp_path / f"other-{number}"
                    with start_lab(folder, gateway_port=ports[0], inspector_port=ports[1]) as other:
                        taken = {urlsplit(url).port for url in addresses(other).values()}
                        assert not taken & {urlsplit(url).port for url in before.values()}
            finally:
                over.set()

            assert resets.result() > 1
        assert addresses(lab) == before
