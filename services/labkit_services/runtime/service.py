"""Run a service: settings, ready message, signals, failures, exit code."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.numbers import parse_digits
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.lifeline import watch_lifeline
from labkit_services.runtime.log import Log

Main = Callable[["Service"], Awaitable[None]]


class Service:
    """What a service's main function works with.

    Attributes:
        name: ``gateway``, ``queue-worker``, ``watchdog``, ``inspector``.
        instance: Name and process id: ``gateway-4711``; in a container of
            its own, where every process id is 1, name and host.
        settings: The environment.
        stopping: Set when the service must end: SIGTERM, end of the lifeline,
            failed task.
        aborting: Set when running work must not be finished: end of the
            lifeline, failed task.
        exit_code: Exit code of an orderly end.
        log: One line per event, on stderr.
        tasks: Background tasks that the service can't do without: if one
            fails, it ends.
    """

    def __init__(self, name: str, settings: Mapping[str, str]) -> None:
        self.name = name
        pid = os.getpid()
        self.instance = f"{name}-{os.uname().nodename if pid == 1 else pid}"
        self.settings = settings
        self.stopping = asyncio.Event()
        self.aborting = asyncio.Event()
        self.exit_code = 0
        self.log = Log(name)
        self.tasks = BackgroundTasks(self.fail)

    def setting(self, name: str, default: str = "") -> str:
        """Return an environment variable; an empty one counts as unset."""
        return self.settings.get(name) or default

    def number(self, name: str, default: int) -> int:
        """Return a whole-number setting, or raise ``InvalidValueError``."""
        text = self.setting(name)
        if not text:
            return default
        if (number := parse_digits(text)) is None:
            headline = f"the setting {name} is not a number"
            raise InvalidValueError(headline, expected="a whole number", seen=repr(text))
        return number

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a yes-or-no setting: ``true`` or ``1``, as in OpenFaaS."""
        return self.setting(name, "true" if default else "false").lower() in ("true", "1")

    def ready(self, **details: Any) -> None:
        """Report in a line of JSON on stdout that the service is ready.

        What exists now stays for the service's life. So the garbage collector
        need not look at it again: its pauses would be seen as jitter in a
        timeline. The report comes first: the lab's start waits for it.
        """
        line = json.dumps({"ready": self.name, "pid": os.getpid(), **details}) + "\n"
        try:
            os.write(1, line.encode())
        except OSError as error:
            self.log.warning("nobody reads the ready line", error=error)
        self.log.info("ready", **details)
        gc.collect()
        gc.freeze()

    def abort(self) -> None:
        """End the service without finishing its work."""
        self.aborting.set()
        self.stopping.set()

    def fail(self, task: str, error: BaseException) -> None:
        """Abort because a background task failed.

        The exit code is 1, and the supervisor starts the service again:
        without the task it would continue in a state that nobody notices.
        """
        self.log.task_failed(task, error)
        self.exit_code = 1
        self.abort()


def run(name: str, main: Main) -> None:
    """Run a service until it ends; then end the process with its exit code."""
    raise_open_file_limit()
    code = asyncio.Runner(loop_factory=_loop_factory()).run(_run(name, main))
    sys.stdout.flush()
    sys.stderr.flush()
    # sys.exit would clear every module, which touches, and in a forked process
    # copies, all their memory: a lab ends in 165 ms instead of 195.
    os._exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(name: str, main: Main) -> int:
    service = Service(name, dict(os.environ))
    loop = asyncio.get_running_loop()
    # Jupyter's stop button interrupts whole process groups; the lab must live
    # on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, service.stopping.set)
    if service.setting("lifeline") == "stdin":
        watch_lifeline(loop, 0, service.abort)
    try:
        await main(service)
    except LabError as error:
        service.log.error(str(error).replace("\n", " |"))
        return 1
    except Exception as error:
        service.log.failure("crashed", error)
        return 1
    finally:
        service.log.info("stopped")
        service.log.writer.flush()
    return service.exit_code


def raise_open_file_limit() -> None:
    """Allow as many open files as possible: a call in flight holds several."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return  # macOS allows fewer; the present limit must do
