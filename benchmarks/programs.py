"""Running other programs: none outlives what runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.failure import BenchmarkError
from benchmarks.scratch import scratch
from labkit.lifecycle.launch import wait_for_exit

START_SECONDS = 10.0
END_SECONDS = 5.0
_TALK_SECONDS = 30.0
_LOOK_SECONDS = 0.002
_TAIL = 1000


async def run(*command: str, patience: float, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        BenchmarkError: It failed, or took more than ``patience`` seconds.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        # Ctrl-C reaches this process only, which then ends the group that the other leads.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience):
            output, errors = await process.communicate()
    except TimeoutError:
        raise BenchmarkError(expected=f"{_name(command)} to end within {patience:g} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise BenchmarkError(
            f"{_name(command)} failed",
            expected="exit code 0",
            seen=f"{process.returncode}: {errors.decode(errors='replace')[-_TAIL:].strip()}",
        )
    return output.decode()


async def run_module(
    module: str, *arguments: str, patience: float, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a Python module that prints one JSON object, and return it.

    Raises:
        BenchmarkError: It failed, or took more than ``patience`` seconds.
    """
    output = await run(sys.executable, "-m", module, *arguments, patience=patience, environment=environment)
    printed: dict[str, Any] = json.loads(output)
    return printed


@asynccontextmanager
async def serving(module: str, *arguments: str, **settings: str) -> AsyncIterator[str]:
    """Run a service of ours, yield its address, and end it by its lifeline.

    What it prints goes to files: nobody has to read a pipe meanwhile.

    Raises:
        BenchmarkError: It did not become ready.
    """
    with scratch() as folder:
        service = _Service(folder, [sys.executable, "-m", module, *arguments], settings)
        try:
            yield await service.url()
        finally:
            await service.end()


def _environment() -> dict[str, str]:
    """Return ours without a locale, as a gateway gives a watchdog none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_"))}
    return {**kept, "PYTHONCOERCECLOCALE": "0"}


class _Service:
    """A process that says when it is ready, and ends when its standard input does."""

    def __init__(self, folder: Path, command: list[str], settings: Mapping[str, str]) -> None:
        self._printed, self._logged = folder / "out", folder / "err"
        with self._printed.open("wb") as out, self._logged.open("wb") as err:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env={**_environment(), "lifeline": "stdin", "port": "0", "TMPDIR": str(folder), **settings},
                start_new_session=True,
            )

    async def url(self) -> str:
        """Return its address, once it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            line, end, _ = self._printed.read_text().partition("\n")
            if end:
                return str(json.loads(line)["url"])
            await asyncio.sleep(_LOOK_SECONDS)
        raise BenchmarkError(
            "a service did not start",
            expected=f"its ready line within {START_SECONDS:g} s",
            seen=self._logged.read_text(errors="replace")[-_TAIL:] or f"exit code {self._process.returncode}",
        )

    async def end(self) -> None:
        """End it, politely at first."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if not await wait_for_exit(self._process, END_SECONDS):
            self._process.kill()
            await wait_for_exit(self._process)


class Talk:
    """A program that prints JSON objects, one a line, and is asked for the next by a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._reader, self._writer = process.stdout, process.stdin

    async def listen(self) -> dict[str, Any]:
        """Return what it says next.

        Raises:
            BenchmarkError: It said nothing.
        """
        async with asyncio.timeout(_TALK_SECONDS):
            line = await self._reader.readline()
        if not line:
            raise BenchmarkError("a program ended without an answer", next_step="see what it wrote above")
        said: dict[str, Any] = json.loads(line)
        return said

    async def ask(self) -> dict[str, Any]:
        """Send a line and return the answer."""
        self._writer.write(b"\n")
        return await self.listen()


@asynccontextmanager
async def talking(module: str, *arguments: str) -> AsyncIterator[Talk]:
    """Run a Python module that talks, and end it by the end of its input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Talk(process)
    except BaseException:
        process.kill()  # nobody will listen
        raise
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _name(command: tuple[str, ...]) -> str:
    return " ".join(command)[:200]
