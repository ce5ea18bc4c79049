"""Calling functions and seeing what became of it: one half of ``Lab``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.clients.gateway import Body
from labkit.errors import WorkspaceError
from labkit.lab.async_calling import AsyncCalling
from labkit.lab.bin import Bin
from labkit.lab.call import AcceptedCall
from labkit.lab.flavours import blocking
from labkit.lab.measure import RUN_SECONDS
from labkit.lab.progress import with_bar
from labkit.lab.queue import Queue, Queues
from labkit.views.measurement import Measurement
from labkit_services.call_record.log import Mode
from labkit_services.contract.names import DEFAULT_QUEUE

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab
    from labkit.views.plots import Picture

_FOLDER_MARK = ".labkit-folder"
"""Marks a folder that ``lab.folder`` made, and so may empty."""


class LogText(str):
    """Lines of a log, shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Calling:
    """What a learner does with a lab that is ready; ``lab.aio`` has the same as coroutines."""

    _core: AsyncLab

    deploy = blocking(AsyncCalling.deploy)
    remove = blocking(AsyncCalling.remove)
    functions = blocking(AsyncCalling.functions)

    invoke = blocking(AsyncCalling.invoke)
    invoke_async = blocking(AsyncCalling.invoke_async, AcceptedCall)
    calls = blocking(AsyncCalling.calls)

    def call(self, call_id: str) -> AcceptedCall:
        """Return an asynchronous call by its id, whoever made it."""
        return AcceptedCall(self._core.call(call_id))

    def measure(
        self,
        function: str,
        *,
        calls: int = 10,
        mode: Mode = "sync",
        body: Body = b"",
        wait: bool = True,
        timeout: float = RUN_SECONDS,
        progress: bool = True,
    ) -> Measurement:
        """Make a run of calls, one after the other, and return what each hop saw of each.

        Args:
            function: Which function.
            calls: How many.
            mode: ``sync`` waits for each answer; ``async`` for each 202.
            body: What each call sends.
            wait: In ``async`` mode, whether to wait until all have been worked off.
            timeout: Seconds for the whole run.
            progress: Whether to draw a progress bar.

        Raises:
            LabTimeoutError: It took longer; says how far it came.
        """
        kind = "synchronous" if mode == "sync" else "asynchronous"
        return with_bar(
            calls,
            f"{calls} {kind} calls of {function}",
            lambda on_progress: self._core.measure(
                function,
                calls=calls,
                mode=mode,
                body=body,
                wait=wait,
                timeout=timeout,
                on_progress=on_progress,
            ),
            timeout,
            show=progress,
        )

    # -- queues

    queues = blocking(AsyncCalling.queues, lambda found: Queues(map(Queue, found)))
    set_max_inflight = blocking(AsyncCalling.set_max_inflight)

    def queue(self, name: str = DEFAULT_QUEUE) -> Queue:
        """Return a queue by its name; shows itself as a table, and has its dead letters.

        Raises:
            InvalidValueError: No queue can be called so.
        """
        return Queue(self._core.queue(name))

    # -- looking

    def plot(self, *runs: Measurement) -> Picture:
        """Draw who waited and who worked: a timeline for each run, on one time axis."""
        from labkit.views.plots import plot_timelines

        return plot_timelines(*runs)

    def plot_queue(self, run: Measurement) -> Picture:
        """Draw how many calls were queued, and how many in flight, over a run."""
        from labkit.views.plots import plot_queue_depth

        return plot_queue_depth(run)

    bin = blocking(AsyncCalling.bin, Bin)
    logs = blocking(AsyncCalling.logs, lambda lines: LogText("\n".join(lines)))

    def folder(self, name: str) -> Path:
        """Make an empty exercise folder beside the notebook, and change into it.

        Run again, it empties the folder it made: the exercise begins anew. It
        never empties a folder that it did not make.
        """
        here = Path.cwd()
        target = here if here.name == name and (here / _FOLDER_MARK).exists() else here / name
        if target.exists() and not (target / _FOLDER_MARK).exists() and any(target.iterdir()):
            raise WorkspaceError(
                f"{target} is not an exercise folder",
                expected="no folder of that name, or one that lab.folder made",
                seen="a folder with other things in it",
                next_step="choose another name",
            )
        target.mkdir(exist_ok=True)
        for entry in target.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (target / _FOLDER_MARK).touch()
        os.chdir(target)
        return target
