"""Ports that stay taken while nobody listens: real sockets, and a second program that wants them."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from labkit_services.runtime.held_port import HeldPort, reserve_port
from tests.port_grabber import IP_LOCAL_PORT_RANGE, gets

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ports are held on Linux only")
HOST = "127.0.0.1"


@pytest.fixture
def held() -> Iterator[HeldPort]:
    port = HeldPort.take(HOST, 0)
    assert port
    yield port
    port.close()


def connects(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def serve(held: HeldPort, connections: int) -> int:
    """Fork a service that inherits the port, and closes connections first, which leaves TIME_WAIT."""
    if pid := os.fork():
        return pid
    try:
        inherited = HeldPort.inherited(os.dup(held.descriptor))
        assert inherited
        server = inherited.listen()
        server.setblocking(True)
        for _ in range(connections):
            server.accept()[0].close()
    finally:
        os._exit(0)


def test_a_held_port_refuses_connections_and_nobody_gets_it(held: HeldPort) -> None:
    assert not connects(held.number)
    assert not gets(str(held.number))
    with pytest.raises(OSError, match="in use") as raised:
        HeldPort.take(HOST, held.number)
    assert raised.value.errno == errno.EADDRINUSE


def test_nobody_gets_it_before_during_or_after_a_hundred_services(held: HeldPort) -> None:
    for _ in range(100):
        assert not gets(str(held.number))
        pid = serve(held, 2)
        deadline = time.monotonic() + 5
        while not connects(held.number):
            assert time.monotonic() < deadline
        assert not gets(str(held.number))
        assert connects(held.number)
        os.waitpid(pid, 0)
        assert not gets(str(held.number))
        held.shut()
        assert not connects(held.number)


def test_a_port_that_was_shut_twice_serves_as_before(held: HeldPort) -> None:
    """By its service, and by the supervisor; or the service ended before it had listened."""
    for _ in range(3):
        held.shut()
        held.shut()
        server = held.listen()
        server.setblocking(True)
        with server, socket.create_connection((HOST, held.number)) as client:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"ping")
                assert accepted.recv(4) == b"ping"
                accepted.sendall(b"pong")
                assert client.recv(4) == b"pong"


def test_connections_of_the_process_before_do_not_block_it(held: HeldPort) -> None:
    server = held.listen()
    server.setblocking(True)
    client = socket.create_connection((HOST, held.number))
    accepted, _ = server.accept()
    accepted.close()  # ours waits for the client's end
    server.close()
    held.shut()
    held.listen().close()

    assert connects(held.number)
    client.close()


def test_a_port_that_is_given_up_is_free_at_once(held: HeldPort) -> None:
    number = held.number
    held.listen().close()
    connects(number)
    held.close()

    assert gets(str(number))


def test_a_port_in_use_is_not_taken() -> None:
    with socket.create_server((HOST, 0)) as other, pytest.raises(OSError, match="in use") as raised:
        HeldPort.take(HOST, other.getsockname()[1])
    assert raised.value.errno == errno.EADDRINUSE


def test_the_system_gives_a_reserved_port_to_nobody_who_asks_for_any() -> None:
    port, holder = reserve_port()
    assert holder
    with holder:
        _need_port_range(holder)
        assert not gets(f"any:{port}")
        with socket.create_server((HOST, port)):
            assert not gets(f"any:{port}")
        assert not gets(f"any:{port}")
    assert gets(f"any:{port}")


def _need_port_range(any_socket: socket.socket) -> None:
    try:
        any_socket.getsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE)
    except OSError:
        pytest.skip("Linux before 6.3 has no range of ports for one socket")
