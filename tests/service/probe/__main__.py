"""``python -m probe``: write one line of JSON about the process, and exit.

``ENDING`` in the environment is the exit code, or ``lifeline``: wait for the end of standard input.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def start() -> None:
    """Describe the process, and exit."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    umask = os.umask(0o77)
    description = {
        "pid": os.getpid(),
        "has the modules that services share": "labkit_services.queue_worker.__main__" in sys.modules,
        "random": random.random(),
        "same": {
            "environment": {name.hex(): value.hex() for name, value in os.environb.items()},
            "environment of what it starts": sorted(
                subprocess.run(["env"], stdout=subprocess.PIPE, check=True).stdout.hex(" ").split(" 0a ")
            ),
            "descriptors": dict(_descriptors()),
            "folder": os.getcwd(),
            "leads its group": os.getpgrp() == os.getpid(),
            "session": os.getsid(0),
            "arguments": sys.argv,
            "command line": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
            "signals": [status[name] for name in ("SigBlk", "SigIgn", "SigCgt")],
            "threads": threading.active_count(),
            "memory limit": resource.getrlimit(resource.RLIMIT_DATA),
            "umask": umask,
            "time zone": time.tzname,
            "collector": gc.isenabled(),
            "encodings": [sys.getfilesystemencoding(), sys.stdout.encoding],
        },
    }
    os.write(1, json.dumps(description).encode() + b"\n")
    ending = os.environ["ENDING"]
    if ending == "lifeline":
        sys.stdin.read()
        ending = "0"
    print("the last line")  # buffered: it must be written exactly once
    sys.exit(int(ending))


def _descriptors() -> Iterator[tuple[str, str]]:
    """Yield the open descriptors, each with its path or kind."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that reads the folder
            yield name, os.readlink(f"/proc/self/fd/{name}").partition(":[")[0]


if __name__ == "__main__":
    start()
