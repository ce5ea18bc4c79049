"""Run a real watchdog for a test, and check that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
from eventually import eventually
from prometheus_client.parser import text_string_to_metric_families

DEADLINE = 20.0


class Lines:
    """The lines of a pipe, read as they arrive."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                with self._changed:
                    self._lines.append(line.decode().removesuffix("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def all(self) -> list[str]:
        """Every line, once the pipe is closed."""
        self._thread.join(DEADLINE)
        return list(self._lines)

    def wait_for(self, wanted: Callable[[str], bool], count: int = 1) -> list[str]:
        """Return the ``wanted`` lines, once there are ``count``."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._count(wanted) >= count, DEADLINE)
            found = [line for line in self._lines if wanted(line)]
        assert len(found) >= count, f"wanted {count}, among these lines: {self._lines}"
        return found

    def _count(self, wanted: Callable[[str], bool]) -> int:
        return sum(map(wanted, self._lines))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class RunningWatchdog:
    """A watchdog process and its three pipes."""

    def __init__(self, scratch: Path, settings: Mapping[str, str]) -> None:
        self.scratch = scratch
        self.lock = scratch / ".lock"
        environ = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(scratch),
            "port": "0",
            "metrics_port": "0",
            "lifeline": "stdin",
            "healthcheck_interval": "0",
        }
        if mark := os.environ.get("LABKIT_TEST_RUN"):
            environ["LABKIT_TEST_RUN"] = mark  # tests/leaks.py looks for it
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labkit_services.watchdog"],
            cwd=Path(__file__).parents[2],
            env={**environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.rows = Lines(self.process.stdout)
        self.log = Lines(self.process.stderr)

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> dict[str, Any]:
        """Wait for the ready message and return it."""
        ready: dict[str, Any] = json.loads(
            self.rows.wait_for(lambda line: line.startswith('{"ready": "watchdog"'))[0]
        )
        assert ready["pid"] == self.pid
        return ready

    def port(self) -> int:
        """Wait until it listens and return the port."""
        return int(self.ready()["url"].rpartition(":")[2])

    def scrape(self) -> dict[str, float]:
        """Return the samples of its metrics, by name and labels."""
        with urllib.request.urlopen(self.ready()["metrics"], timeout=DEADLINE) as answer:
            return samples(answer.read().decode())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port(), timeout=DEADLINE)

    def call(
        self, method: str = "POST", path: str = "/", body: Any = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a new connection."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    @contextlib.contextmanager
    def open(
        self, path: str = "/", headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a GET request, and yield the response without its body."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers=dict(headers or {}))
            yield connection.getresponse()

    def logged(self, text: str, count: int = 1) -> list[str]:
        """Return ``count`` log lines with ``text``, without their time."""
        return [line[20:] for line in self.log.wait_for(lambda line: text in line, count)]

    def events(self, event: str, count: int = 1) -> list[list[Any]]:
        """Return the event rows of one type, once there are ``count``."""
        found = self.rows.wait_for(lambda line: f'"{event}"' in line, count)
        return [json.loads(line) for line in found]

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """Close the lifeline."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(DEADLINE)


def samples(text: str) -> dict[str, float]:
    """Return the samples in the text, read with Prometheus's parser."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@contextlib.contextmanager
def watchdog(scratch: Path, **settings: str) -> Iterator[RunningWatchdog]:
    """Run a watchdog, end its lifeline, and check that its group ends."""
    running = RunningWatchdog(scratch, settings)
    try:
        yield running
    finally:
        running.hang_up()
        running.ended()
        running.rows.all()
        running.log.all()
        eventually(lambda: not group_members(running.pid))


def group_members(group: int) -> list[int]:
    """Return the processes of a group, without zombies."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group:
                members.append(process.pid)
    return members


def script(folder: Path, text: str) -> str:
    """Write a shell script, as ``fprocess`` has no quotes; return its path."""
    path = folder / "function.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
