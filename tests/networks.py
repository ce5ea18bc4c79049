"""Hosts on a network of their own: network namespaces of Linux."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_SWITCH = "switch"


def why_not() -> str:
    """Return why this machine can have no such network, or ""."""
    if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root may create network namespaces"
    if shutil.which("ip") is None:
        return "the program ip (iproute2) is missing"
    name = f"lk{os.getpid()}x"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        return f"no network namespaces: {error.stderr.strip()}"
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        _ip("link", "delete", name)
    except subprocess.CalledProcessError as error:
        return f"no virtual network interfaces: {error.stderr.strip()}"
    finally:
        _ip("netns", "delete", name)
    return ""


class Network:
    """Hosts with one address each, connected by a switch.

    The switch has a namespace of its own, so that the firewall rules of this
    machine do not apply to it.

    Attributes:
        own: This machine's address on the network.
    """

    def __init__(self, number: int) -> None:
        """Create it; ``number`` (0 to 255) is part of its addresses."""
        _remove_stale()
        self._mark = f"lk{os.getpid()}"
        self._net = f"10.213.{number}"
        self._hosts: dict[str, str] = {}
        self.own = f"{self._net}.1"
        _ip("netns", "add", self._space(_SWITCH))
        self._inside(_SWITCH, "link", "add", "bridge", "type", "bridge")
        self._inside(_SWITCH, "link", "set", "bridge", "up")
        self._connect(f"{self._mark}o", "port-own")
        _ip("address", "add", f"{self.own}/24", "dev", f"{self._mark}o")
        _ip("link", "set", f"{self._mark}o", "up")

    def add(self, name: str) -> str:
        """Add a host; return its address."""
        address = f"{self._net}.{len(self._hosts) + 2}"
        self._hosts[name] = address
        outer = f"{self._mark}e"
        _ip("netns", "add", self._space(name))
        self._connect(outer, f"p-{name}")
        _ip("link", "set", outer, "netns", self._space(name), "name", "eth0")
        self._inside(name, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            self._inside(name, "link", "set", device, "up")
        return address

    def _connect(self, device: str, port: str) -> None:
        """Create a device of this machine, and its other end in the switch."""
        _ip("link", "add", device, "type", "veth", "peer", "name", port, "netns", self._space(_SWITCH))
        self._inside(_SWITCH, "link", "set", port, "master", "bridge", "up")

    def on(self, name: str, command: Sequence[str]) -> list[str]:
        """Return the command that runs another one on a host."""
        return ["ip", "netns", "exec", self._space(name), *command]

    def cut(self, name: str) -> None:
        """Cut a host off: what it sends is lost, and it is told nothing."""
        self._inside(_SWITCH, "link", "set", f"p-{name}", "nomaster")

    def heal(self, name: str) -> None:
        """Connect a host again."""
        self._inside(_SWITCH, "link", "set", f"p-{name}", "master", "bridge")

    def remove(self) -> None:
        """Remove every host, and the network."""
        for name in [*self._hosts, _SWITCH]:
            subprocess.run(["ip", "netns", "delete", self._space(name)], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", f"{self._mark}o"], check=False, capture_output=True)

    def _space(self, name: str) -> str:
        return f"{self._mark}-{name}"

    def _inside(self, name: str, *arguments: str) -> None:
        _ip("-n", self._space(name), *arguments)


def _remove_stale() -> None:
    """Remove the namespaces of runs that were killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for pid, space in re.findall(r"^(?=lk(\d+)-)(\S+)", listed, re.M):
        if not os.path.exists(f"/proc/{pid}"):
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)


@contextmanager
def network(number: int) -> Iterator[Network]:
    """Have a network for the length of a block."""
    created = Network(number)
    try:
        yield created
    finally:
        created.remove()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10)
