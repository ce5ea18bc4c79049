"""Other processes: run, measured, and ended with this one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.figures import BenchmarkError, Figures

_LINE_SECONDS = 30.0
_END_SECONDS = 5.0
_POLL_SECONDS = 0.002
_TAIL = 1000  # characters of a program's log that an error shows


def scratch_folder() -> TemporaryDirectory[str]:
    """Return a folder that is removed at the end of a ``with`` block."""
    return TemporaryDirectory(prefix="labkit-bench-", ignore_cleanup_errors=True)


async def run(*command: str, timeout: float, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return its standard output.

    Raises:
        BenchmarkError: It failed, or took more than ``timeout`` seconds.
    """
    name = " ".join(command)[:200]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        # Ctrl-C reaches only this process, which then ends the other's group.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            output, errors = await process.communicate()
    except TimeoutError:
        raise BenchmarkError(expected=f"{name} to end within {timeout:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise BenchmarkError(
            f"{name} failed",
            expected="exit code 0",
            seen=f"{process.returncode}: {errors.decode(errors='replace')[-_TAIL:].strip()}",
        )
    return output.decode()


async def ten_times(*command: str, environment: Mapping[str, str] | None = None) -> Figures:
    """Run a program ten times, one after the other, in a shell."""
    script = 'for number in 1 2 3 4 5 6 7 8 9 10; do "$@" || exit 1; done'
    begin = time.perf_counter()
    await run("sh", "-c", script, "sh", *command, timeout=60.0, environment=environment)
    return {"seconds": time.perf_counter() - begin}


async def run_module(
    module: str, *arguments: str, timeout: float, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a Python module that prints one JSON object; return the object."""
    output = await run(sys.executable, "-m", module, *arguments, timeout=timeout, environment=environment)
    document: dict[str, Any] = json.loads(output)
    return document


class Program:
    """A Python module that prints JSON lines and ends with its standard input.

    Its output goes to files, so that nobody has to read a pipe meanwhile.
    """

    def __init__(self, folder: Path, command: list[str], settings: Mapping[str, str]) -> None:
        self._output, self._log = folder / "out", folder / "err"
        self._lines_read = 0
        # Without a locale, as the gateway's functions run.
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_"))}
        with self._output.open("wb") as out, self._log.open("wb") as err:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env={**ours, "PYTHONCOERCECLOCALE": "0", "TMPDIR": str(folder), **settings},
                start_new_session=True,
            )

    async def read_line(self) -> dict[str, Any]:
        """Return the next line of output.

        Raises:
            BenchmarkError: There is none before the process ends, or in time.
        """
        deadline = time.monotonic() + _LINE_SECONDS
        while time.monotonic() < deadline:
            ended = self._process.poll() is not None
            *lines, _unfinished = self._output.read_text().split("\n")
            if len(lines) > self._lines_read:
                self._lines_read += 1
                document: dict[str, Any] = json.loads(lines[self._lines_read - 1])
                return document
            if ended:
                break
            await asyncio.sleep(_POLL_SECONDS)
        raise BenchmarkError(
            expected=f"a line of output within {_LINE_SECONDS:g} s",
            seen=self._log.read_text(errors="replace")[-_TAIL:] or f"exit code {self._process.returncode}",
        )

    async def ask(self) -> dict[str, Any]:
        """Send an empty line; return the next line of output."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return await self.read_line()

    async def end(self) -> None:
        """Close its standard input; kill it if it does not end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.to_thread(self._process.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@asynccontextmanager
async def running(module: str, *arguments: str, **settings: str) -> AsyncIterator[Program]:
    """Run a Python module for the duration of the block."""
    with scratch_folder() as folder:
        program = Program(Path(folder), [sys.executable, "-m", module, *arguments], settings)
        try:
            yield program
        finally:
            await program.end()


@asynccontextmanager
async def serving(module: str, *arguments: str, **settings: str) -> AsyncIterator[str]:
    """Run a service; yield its URL."""
    async with running(module, *arguments, lifeline="stdin", port="0", **settings) as service:
        yield str((await service.read_line())["url"])


# -- processes of a lab


def lab_processes(supervisor: int) -> set[int]:
    """Return the ids of a lab's processes, by the supervisor's session."""
    found = set()
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == supervisor:
                found.add(pid)
    return found


def memory_of(pids: Iterable[int]) -> dict[str, float]:
    """Return the memory of processes in megabytes, summed up.

    ``megabytes`` divides shared pages among those who share them (Linux's
    PSS): forked services share much. ``private`` counts unshared pages only.
    """
    totals = {"megabytes": 0.0, "private": 0.0}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            info = psutil.Process(pid).memory_full_info()
            totals["megabytes"] += getattr(info, "pss", info.rss) / 1e6
            totals["private"] += info.uss / 1e6
    return totals


def busy_seconds() -> float:
    """Return the CPU time that all programs of the machine have used."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def cpu_seconds(supervisor: int, services: Mapping[int, str]) -> dict[str, float]:
    """Return the CPU time that each part of a lab has used so far.

    Args:
        supervisor: Process id of the lab's supervisor.
        services: Names by process id. All other processes are watchdogs, whose
            time includes that of the function processes that they have reaped.
    """
    seconds: dict[str, float] = defaultdict(float)
    for pid in lab_processes(supervisor):
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            part = services.get(pid, "watchdog and function")
            seconds[part] += times.user + times.system
            if pid not in services:
                seconds[part] += times.children_user + times.children_system
    return seconds
