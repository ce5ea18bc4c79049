"""Calling functions and seeing what became of it: one half of ``Lab``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from labkit.answer import Answer
from labkit.async_calling import RUN_SECONDS
from labkit.bins import Bin
from labkit.errors import WorkspaceError
from labkit.gateway import CALL_SECONDS, Body
from labkit.measurement import Measurement
from labkit.progress import with_bar
from services.contract.calls import Call, Mode

if TYPE_CHECKING:
    from labkit.core import AsyncLab
    from labkit.plots import Picture

T = TypeVar("T")

_MANAGE_SECONDS = 60.0
_FOLDER_MARK = ".labkit-folder"
"""Marks a folder that ``lab.folder`` made, and so may empty."""


class LogText(str):
    """Lines of a log, shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class AcceptedCall:
    """A call that is on the queue.

    Attributes:
        id: Its ``X-Call-Id``.
        function: The function's name.
        status: 202.
        seconds: How long the caller waited for that.
    """

    id: str
    function: str
    status: int
    seconds: float
    _lab: Calling

    def wait(self, timeout: float = CALL_SECONDS) -> Call:
        """Return the call's record once it has run and its callback, if any, was posted."""
        return self._lab._run(self._lab._core.wait_for_call(self.id, timeout=timeout), timeout)

    def __repr__(self) -> str:
        return f"AcceptedCall({self.function!r}, {self.status} Accepted)"


class Calling:
    """What a learner does with a lab that is ready; ``lab.aio`` has the same as coroutines."""

    _core: AsyncLab

    def _run(self, coroutine: Coroutine[Any, Any, T], patience: float = 10.0) -> T:
        raise NotImplementedError

    # -- functions

    def deploy(
        self,
        name: str,
        *,
        fprocess: str = "",
        image: str = "",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Deploy a function, or update it if it is there.

        Args:
            name: Lower-case letters, digits and dashes.
            fprocess: What to run for every call, such as ``sleep 1``; split at blanks, no shell.
            image: What ``faas-cli build`` made, or a well-known image.
            env: Environment of the process.
            labels: OpenFaaS labels, such as ``com.openfaas.scale.max``.
            annotations: OpenFaaS annotations.

        Raises:
            GatewayError: The gateway refused; its text says why.
        """
        work = self._core.deploy(
            name, fprocess=fprocess, image=image, env=env, labels=labels, annotations=annotations
        )
        self._run(work, _MANAGE_SECONDS)

    def remove(self, name: str) -> bool:
        """Remove a function; return whether there was one."""
        return self._run(self._core.remove(name), _MANAGE_SECONDS)

    def functions(self) -> list[dict[str, Any]]:
        """Return every function's status, as OpenFaaS describes it."""
        return self._run(self._core.functions(), _MANAGE_SECONDS)

    # -- calls

    def invoke(
        self,
        name: str,
        body: Body = b"",
        *,
        method: str = "POST",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Answer:
        """Call a function synchronously: wait until it is done.

        The answer is returned whatever its status is.

        Raises:
            GatewayError: None came within ``timeout`` seconds.
            LabGoneError: The lab does not run any more.
        """
        work = self._core.invoke(
            name, body, method=method, path=path, query=query, headers=headers, timeout=timeout
        )
        return self._run(work, timeout)

    def invoke_async(
        self,
        name: str,
        body: Body = b"",
        *,
        callback: str | Bin = "",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> AcceptedCall:
        """Call a function asynchronously: return as soon as the call is on the queue.

        Args:
            name: The function; nobody looks whether it exists.
            body: What it gets on stdin.
            callback: Where the result is to be posted: a URL, or a bin.
            path: What to put after the name in the URL.
            query: The query string, without ``?``.
            headers: More request headers.
            timeout: Seconds to the 202.

        Raises:
            GatewayError: The call was not accepted.
        """
        work = self._core.invoke_async(
            name, body, callback=callback, path=path, query=query, headers=headers, timeout=timeout
        )
        answer = self._run(work, timeout)
        return AcceptedCall(answer.call_id, name, answer.status, answer.seconds, self)

    def calls(self) -> list[Call]:
        """Return the record of every call, oldest first, whoever made it."""
        return self._run(self._core.calls(), _MANAGE_SECONDS)

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

    def set_max_inflight(self, count: int) -> int:
        """Change how many calls the queue-worker runs at once, from now on; return the number in force."""
        return self._run(self._core.set_max_inflight(count))

    # -- looking

    def plot(self, *runs: Measurement) -> Picture:
        """Draw who waited and who worked: a timeline for each run, on one time axis."""
        from labkit.plots import plot_timelines

        return plot_timelines(*runs)

    def plot_queue(self, run: Measurement) -> Picture:
        """Draw how many calls were queued, and how many in flight, over a run."""
        from labkit.plots import plot_queue_depth

        return plot_queue_depth(run)

    def bin(self, name: str) -> Bin:
        """Return a request bin: a place of one's own for callbacks."""
        self._run(self._core.make_bin(name))
        return Bin(name, self._core.clients.inspector, self._run)

    def logs(self, name: str, *, tail: int = 100) -> LogText:
        """Return the last lines of a log: of ``queue-worker``, ``gateway`` …, or of a function."""
        return LogText("\n".join(self._run(self._core.logs(name, tail=tail))))

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
