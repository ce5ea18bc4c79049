"""The life that every service leads: settings, readiness, signals, lifeline, end."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.numbers import parse_digits
from labkit_services.runtime.log import Log

Main = Callable[["Service"], Awaitable[None]]


class Service:
    """What a service's main function is given.

    Attributes:
        name: ``gateway``, ``queue-worker``, ``watchdog``, ``inspector``.
        instance: Name and process id: ``gateway-4711``.
        settings: The environment.
        stopping: Set when the service is to end: SIGTERM, or end of file on
            the lifeline.
        orphaned: Set when the lifeline has ended: there is no time to finish anything.
        log: One line a thing, on stderr.
    """

    def __init__(self, name: str, settings: Mapping[str, str]) -> None:
        self.name = name
        self.instance = f"{name}-{os.getpid()}"
        self.settings = settings
        self.stopping = asyncio.Event()
        self.orphaned = asyncio.Event()
        self.log = Log(name)

    def setting(self, name: str, default: str = "") -> str:
        """Return an environment variable; an empty one counts as unset."""
        return self.settings.get(name) or default

    def number(self, name: str, default: int) -> int:
        """Return a whole-number setting.

        Raises:
            InvalidValueError: It is something else.
        """
        text = self.setting(name, str(default))
        if (number := parse_digits(text)) is None:
            raise InvalidValueError(
                f"the setting {name} is not a number", expected="a whole number", seen=repr(text)
            )
        return number

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a yes-or-no setting; like OpenFaaS, only ``true`` (and ``1``) mean yes."""
        return self.setting(name, "true" if default else "false").lower() in ("true", "1")

    def ready(self, **facts: Any) -> None:
        """Tell the parent, in one JSON line on stdout, that requests are answered from now on.

        What exists now stays for the service's life, so the garbage collector
        need not look at it again: its pauses are what a learner would see as
        jitter in a timeline.
        """
        gc.collect()
        gc.freeze()
        line = json.dumps({"ready": self.name, "pid": os.getpid(), **facts}) + "\n"
        try:
            os.write(1, line.encode())
        except OSError as error:
            self.log.warning("nobody reads the ready line", error=error)
        self.log.info("ready", **facts)


def run(name: str, main: Main) -> None:
    """Run a service until it is told to stop; end the process with its exit code."""
    raise_open_file_limit()
    code = asyncio.Runner(loop_factory=_loop_factory()).run(_live(name, main))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by sys.exit: taking every module apart touches, and in a forked process copies, all its memory.
    # A lab ends in 165 ms instead of 195.
    os._exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _live(name: str, main: Main) -> int:
    service = Service(name, dict(os.environ))
    loop = asyncio.get_running_loop()
    # Jupyter's stop button reaches whole process groups; the lab lives on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, service.stopping.set)

    def on_orphaned() -> None:
        service.orphaned.set()
        service.stopping.set()

    if service.setting("lifeline") == "stdin":
        watch_lifeline(loop, 0, on_orphaned)
    try:
        await main(service)
    except LabError as error:
        service.log.error(str(error).replace("\n", " |"))
        return 1
    except Exception as error:
        service.log.error(f"crashed: {error!r}")
        for line in traceback.format_exc().splitlines():
            service.log.error(line)
        return 1
    finally:
        service.log.info("stopped")
        service.log.writer.flush()
    return 0


def watch_lifeline(loop: asyncio.AbstractEventLoop, descriptor: int, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` once when the other end of the pipe is closed.

    The parent holds the write end and never writes. However the parent ends,
    kill -9 included, the kernel closes it: this is what leaves no orphan.
    """

    def readable() -> None:
        try:
            if os.read(descriptor, 4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # as good as an end of file: there is no one to wait for
        loop.remove_reader(descriptor)
        on_end()

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, readable)


def raise_open_file_limit() -> None:
    """Allow as many open files as the system lets us: a call in flight holds several."""
    try:
        import resource
    except ImportError:
        return  # not a Unix
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return  # macOS caps it lower; what we have must do
