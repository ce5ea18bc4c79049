"""nodeinfo: tells about the machine; more if the body contains ``verbose``.

The text is that of OpenFaaS's function, which is written in JavaScript.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import socket
import struct
import time
from collections.abc import Mapping
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from labkit_services.images.functions.server import FunctionReply, IncomingRequest, serve

_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "armv7l": "arm", "i686": "ia32"}
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_GET_ADDRESS, _GET_NETMASK = 0x8915, 0x891B  # of Linux's ioctl, netdevice(7)


def handle(request: IncomingRequest) -> FunctionReply:
    """Respond with the text."""
    machine = platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    text = (
        f"Hostname: {os.environ.get('HOSTNAME') or socket.gethostname()}\n\n"
        f"Arch: {_ARCHITECTURES.get(machine, machine)}\n"
        f"CPUs: {os.cpu_count()}\n"
        f"Total mem: {memory / 1024 / 1024:.0f}MB\n"
        f"Platform: {platform.system().lower()}\n"
        f"Uptime: {round(time.clock_gettime(_BOOT_CLOCK), 2)}\n"
    )
    if b"verbose" in request.body:
        text += f"{_shown(_processors())}\n{_shown(_networks())}\n"
    return FunctionReply(200, text, {"Content-Type": "text/plain"})


def _processors() -> list[dict[str, Any]]:
    """Return each processor with its times in ms; none without /proc."""
    if not Path("/proc/stat").exists():
        return []
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*: (.*)$", about, re.MULTILINE)
    speed = re.search(r"^cpu MHz\s*: (\d+)", about, re.MULTILINE)
    found = []
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        if re.match(r"cpu\d", line):
            user, nice, system, idle, _, irq, *_ = (int(ticks) * 10 for ticks in line.split()[1:])
            times = {"user": user, "nice": nice, "sys": system, "idle": idle, "irq": irq}
            about_one = {"model": model[1] if model else "unknown", "speed": int(speed[1]) if speed else 0}
            found.append({**about_one, "times": times})
    return found


def _networks() -> dict[str, list[dict[str, Any]]]:
    """Return the networks that have an IPv4 address; none but on Linux."""
    networks: dict[str, list[dict[str, Any]]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                address, netmask = (
                    socket.inet_ntoa(fcntl.ioctl(any_socket, number, request)[20:24])
                    for number in (_GET_ADDRESS, _GET_NETMASK)
                )
                mac = Path(f"/sys/class/net/{name}/address").read_text(encoding="utf-8").strip()
            except OSError:
                continue  # no address, or not Linux
            interface = IPv4Interface(f"{address}/{netmask}")
            networks[name] = [
                {
                    "address": address,
                    "netmask": netmask,
                    "family": "IPv4",
                    "mac": mac,
                    "internal": interface.is_loopback,
                    "cidr": interface.with_prefixlen,
                }
            ]
    return networks


def _shown(value: Any, indent: str = "") -> str:
    """Return a value as JavaScript's ``util.inspect`` shows a long one."""
    if isinstance(value, Mapping):
        entries = [f"{name}: {_shown(item, indent + '  ')}" for name, item in value.items()]
        ends = "{}"
    elif isinstance(value, list):
        entries, ends = [_shown(item, indent + "  ") for item in value], "[]"
    elif isinstance(value, bool):
        return str(value).lower()
    else:
        return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value)
    inner = f",\n{indent}  ".join(entries)
    return f"{ends[0]}\n{indent}  {inner}\n{indent}{ends[1]}"


if __name__ == "__main__":
    serve(handle)
