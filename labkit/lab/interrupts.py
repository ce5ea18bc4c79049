"""Jupyter's stop button (KeyboardInterrupt) during a call of the lab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)

_HANDLES = {
    "AsyncCallHandle": "call",
    "AsyncBin": "bin",
    "AsyncBinChecks": "bin",
    "AsyncBinRequest": "request",
    "AsyncBinHold": "hold",
    "AsyncBinResponses": "responses",
    "AsyncQueue": "queue",
    "AsyncRecording": "recording",
}
"""By class of a coroutine method: what learners call the object."""
_CALL_GOES_ON = "the call goes on"
_BIN_GOES_ON = "the bin goes on capturing"
_UNSURE = "it may have taken effect or not; look at lab.status()"
_DEPLOYED = "the function may be deployed or not; look at lab.functions()"
_QUEUED = "the queue may have changed or not; look at lab.queue()"
_BIN_UNSURE = "the bin may have changed or not"
_LEFT = {
    "lab.start": "a lab that had begun to start is stopped, one that ran goes on; run the cell again",
    "lab.stop": "the lab goes on stopping",
    "lab.reset": "the reset goes on, and takes a few seconds",
    "lab.restart": _UNSURE,
    "lab.kill": _UNSURE,
    "lab.scale_workers": _UNSURE,
    "lab.set_max_inflight": _QUEUED,
    "lab.deploy": _DEPLOYED,
    "lab.deploy_flaky": _DEPLOYED,
    "lab.deploy_handler": _DEPLOYED,
    "lab.remove": "the function may be removed or not; look at lab.functions()",
    "lab.invoke": "the function may go on, and nobody gets its response",
    "lab.invoke_async": "the call may be queued or not; look at lab.calls()",
    "lab.measure": "calls that were accepted stay queued",
    "lab.bin": "the bin may exist or not",
    "lab.record": "nothing is recorded",
    "lab.fault": "the fault ends by itself",
    "call.status": _CALL_GOES_ON,
    "call.wait": _CALL_GOES_ON,
    "call.document": _CALL_GOES_ON,
    "call.explain": _CALL_GOES_ON,
    "call.result": _CALL_GOES_ON,
    "call.timeline": _CALL_GOES_ON,
    "call.cancel": "the call may be cancelled or not; look at call.status()",
    "bin.wait": _BIN_GOES_ON,
    "bin.wait_all": _BIN_GOES_ON,
    "bin.verify": _BIN_GOES_ON,
    "bin.never": _BIN_GOES_ON,
    "bin.clear": _BIN_UNSURE,
    "bin.respond": _BIN_UNSURE,
    "bin.respond_as_usual": _BIN_UNSURE,
    "bin.hold": _BIN_UNSURE,
    "bin.forward": _BIN_UNSURE,
    "bin.load": _BIN_UNSURE,
    "bin.to_har": "the file may be incomplete",
    "request.answer": "the request may be answered or not",
    "request.drop": "the request may be dropped or not",
    "request.replay": "the replay may have been sent or not",
    "request.annotate": _BIN_UNSURE,
    "hold.release": "the requests may be released or not",
    "responses.then": _BIN_UNSURE,
    "queue.set_max_inflight": _QUEUED,
    "queue.redrive": _QUEUED,
    "queue.purge": _QUEUED,
    "queue.cancel_calls": _QUEUED,
    "recording.stop": "the record may lack its last requests",
}
"""By method: what state it leaves when it is interrupted. The others only
read."""
_BLOCKS = {
    "__aenter__": "interrupted before the block; what had begun is undone",
    "__aexit__": "interrupted at the end of the block; the fault ends all the same",
}


def interruption(coroutine: Coroutine[Any, Any, Any]) -> str:
    """Return what was interrupted, and what state is left, in one line."""
    owner, _, name = getattr(coroutine, "__qualname__", "the call").rpartition(".")
    if name in _BLOCKS:
        return _BLOCKS[name]
    owner = owner.partition(".")[0]
    # A lab's methods are in AsyncLab and in its bases, such as AsyncLabCalls.
    handle = "lab" if owner.startswith(("AsyncLab", "Lab")) else _HANDLES.get(owner)
    method = f"{handle}.{name}" if handle else name
    return f"{method} was interrupted; {_LEFT.get(method, 'nothing was changed')}"


@contextmanager
def short_interrupt(describe: Callable[[], str]) -> Iterator[None]:
    """Show an interrupt of the block as one line, from ``describe``."""
    try:
        yield
    except KeyboardInterrupt:
        # No subclass: for this very type Python ends a script by SIGINT.
        raise _in_one_line(KeyboardInterrupt(describe())) from None


def cancelled(text: str) -> asyncio.CancelledError:
    """Return the error of an awaited call that was cancelled."""
    return _in_one_line(asyncio.CancelledError(text))


def add_to_line(error: BaseException, text: str) -> None:
    """Add what else is left to the message of an interrupt."""
    error.args = ("; ".join(filter(None, (str(error), text))),)


def _in_one_line(error: E) -> E:
    """Have IPython show its message only: no learner needs our frames."""
    vars(error)["_render_traceback_"] = lambda: [f"{type(error).__name__}: {error}"]
    return error
