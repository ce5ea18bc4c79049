"""Run the lab's ``faas-cli``, as a learner would in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.handlers.errors import HandlerBuildError
from labkit_services.runtime.python_process import python_environment

_SECONDS = 60.0
_KILL_SECONDS = 2.0
_LOG_LINES = 12
_PROGRAM = "import sys; from labkit.openfaas_cli.faas_cli import main; sys.exit(main())"
_COLOUR = re.compile(r"\x1b\[\d*m")


async def run_faas_cli(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """Run ``faas-cli`` in a folder; return what it printed.

    A process of its own: faas-cli works in the current folder, which belongs
    to the notebook. If the caller is cancelled, it is killed.

    Raises:
        HandlerBuildError: It failed, or took longer than a minute.
    """
    environment = {**python_environment(), **variables, "LABKIT_FAAS_CLI": "builtin"}
    process = await asyncio.create_subprocess_exec(
        # By way of a shell: a debugger that is on would take a Python process
        # of the kernel for its own, and hold it.
        *("/bin/sh", "-c", 'exec "$0" "$@"'),
        *(sys.executable, "-X", "utf8", "-P", "-c", _PROGRAM, *words),
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Jupyter's stop button signals the kernel's group
    )
    shown = f"faas-cli {words[0]}"
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        raise HandlerBuildError(f"{shown} took longer than {_SECONDS:g} s", expected="its end") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _KILL_SECONDS)
    text = _COLOUR.sub("", output.decode("utf-8", "replace"))
    if process.returncode:
        lines = [line for line in text.splitlines() if line.strip()]
        raise HandlerBuildError(
            f"{shown} failed",
            expected="exit code 0",
            seen=f"exit code {process.returncode}, in {folder}",
            log=lines[-_LOG_LINES:],
        )
    return text
