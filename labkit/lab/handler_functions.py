"""Functions from Python source, deployed while a cell waits."""

from __future__ import annotations

import queue
from collections.abc import Callable

from labkit.handlers.debug_handler import DebugHandler
from labkit.handlers.source import check_source
from labkit.handlers.spec import HandlerDeployment, HandlerSpec
from labkit.lab.background_loop import background_loop
from labkit.lab.interrupts import short_interrupt
from labkit.lab.methods.parts import LabParts

_SECONDS = 180.0


def deploy_function(
    lab: LabParts,
    spec: HandlerSpec,
    *,
    callback: str = "",
    handler: DebugHandler | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> HandlerDeployment:
    """Deploy a function and wait for it; ``on_step`` gets what is being done.

    Both are in the calling thread: what it prints belongs to its cell.
    """
    steps: queue.SimpleQueue[str] = queue.SimpleQueue()
    newest = "checking the code"

    def show() -> None:
        nonlocal newest
        while not steps.empty():
            newest = steps.get()
            on_step(newest)

    work = lab.watch.guard(lab.handlers.deploy(spec, callback=callback, handler=handler, on_step=steps.put))
    with short_interrupt(
        lambda: f"{newest}: interrupted; {spec.name} may be deployed or not, run the cell again"
    ):
        return background_loop().run(work, _SECONDS, meanwhile=show)


def debug_handler(spec: HandlerSpec, filename: str, label: str) -> DebugHandler:
    """Execute a handler's code in this thread; its calls will run here.

    Args:
        spec: The function.
        filename: Where a debugger looks for the code.
        label: What tracebacks call it.

    Raises:
        HandlerSourceError: It can't be used, or raised an error.
    """
    check_source(spec)
    return DebugHandler(spec, filename, label)
