"""A program that wants ports: ``port_grabber.py NAME=PORT…``, a line for each that it gets.

It asks again and again until its standard input ends, for a port by its number (``NAME=PORT``) or for any
free port while only that one is in the system's range (``NAME=any:PORT``; Linux 6.3).
"""

from __future__ import annotations

import select
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen

IP_LOCAL_PORT_RANGE = 51
_PAUSE_SECONDS = 0.02
"""A service begins to listen in some microseconds, in which a program could be quicker."""


def gets(wanted: str) -> bool:
    """Try to listen there, as a server does."""
    kind, _, number = wanted.rpartition(":")
    port = int(number)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if kind == "any":
                server.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=HH", port, port))
            server.bind(("127.0.0.1", 0 if kind else port))
            server.listen()
        except OSError:
            return False
    return True


@contextmanager
def grabbing(**wanted: str) -> Iterator[list[str]]:
    """Run the program meanwhile; the list has at the end what it got."""
    got: list[str] = []
    command = [sys.executable, __file__, *(f"{name}={where}" for name, where in wanted.items())]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "tries\n"
        yield got
        output, _ = process.communicate(timeout=10)
        got += output.splitlines()


def _main() -> None:
    wanted = dict(each.split("=") for each in sys.argv[1:])
    print("tries", flush=True)
    rounds = 0
    while not select.select([sys.stdin], [], [], _PAUSE_SECONDS)[0]:
        rounds += 1
        for name in [name for name, where in wanted.items() if gets(where)]:
            print(name, flush=True)
    print(f"rounds {rounds}", flush=True)


if __name__ == "__main__":
    _main()
