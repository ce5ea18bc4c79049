"""``labkit fault`` and ``labkit faults``: inject faults and list them."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from labkit.cli.attached import json_option, show, show_json
from labkit.signals import cleaning_up
from labkit.views.faults import FaultKind
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

_BIN = "bin/"
_DOWN = "down"
_POLL_SECONDS = 0.05
_HELP = """Inject a fault. No accepted call is lost by it.

\b
SERVICE KIND is one of
  nats|gateway|worker|inspector kill      killed with SIGKILL; the lab restarts it
  nats|gateway|worker|inspector restart   stopped with SIGTERM, started again
  nats|gateway|worker|inspector stop      stopped with SIGTERM, started again at the end
  nats|gateway|worker|inspector pause     suspended: keeps its connections, does not respond
  network slow                            between the queue-workers and the gateway
  bin/NAME down                           a callback's target that fails
"""


class _Number(click.FloatRange):
    """A finite number from 0. Click's own range accepts ``nan``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See ``click.ParamType``."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number from 0", param, ctx)
        return number


_NUMBER = _Number(min=0)


@click.command(help=_HELP)
@click.argument("service")
@click.argument("kind", type=click.Choice([*map(str, FaultKind), _DOWN]))
@click.option("--after", type=_NUMBER, default=0.0, help="Seconds until it begins.")
@click.option("--for", "seconds", type=_NUMBER, help="Seconds that it lasts; without it, until Ctrl-C.")
@click.option(
    "--delay", type=_NUMBER, default=0.2, show_default=True, help="slow: seconds of delay, each way."
)
@click.option("--bandwidth", type=_NUMBER, default=0.0, help="slow: bytes per second; 0 is unlimited.")
@click.option(
    "--status", default=503, show_default=True, help="down: the response's status; 0 closes the connection."
)
@json_option
@click.pass_obj
def fault(
    workspace: Workspace,
    service: str,
    kind: str,
    after: float,
    seconds: float | None,
    delay: float,
    bandwidth: float,
    status: int,
    as_json: bool,
) -> None:
    """Inject a fault."""
    from labkit.lab.lab import Lab

    lab = Lab.attach(workspace.root)
    began = time.monotonic()
    try:
        with cleaning_up():
            if kind in (FaultKind.KILL, FaultKind.RESTART):
                lab.fault(service, kind, after=after).wait()
            else:
                block = _block(lab, service, kind, delay, bandwidth, status)
                time.sleep(after)
                with block:
                    lasts = "until Ctrl-C" if seconds is None else f"for {seconds:g} s"
                    show(as_json, f"{service} {kind}, {lasts}", event="began", service=service, kind=kind)
                    while seconds is None or time.monotonic() < began + after + seconds:
                        time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        _show_end(service, kind, began, as_json)
        raise
    _show_end(service, kind, began, as_json)


def _show_end(service: str, kind: str, began: float, as_json: bool) -> None:
    seconds = round(time.monotonic() - began, 1)
    text = f"{service} {kind} is over, after {seconds} s"
    show(as_json, text, event="ended", service=service, kind=kind, seconds=seconds)


def _block(
    lab: Lab, service: str, kind: str, delay: float, bandwidth: float, status: int
) -> AbstractContextManager[None]:
    if kind == FaultKind.SLOW:
        if service != "network":
            raise click.UsageError("only the network can be slow: network slow")
        return lab.slow_network(delay, bandwidth=bandwidth)
    if kind == _DOWN:
        if not service.startswith(_BIN):
            raise click.UsageError("only a bin can be down: bin/NAME")
        return lab.bin(service.removeprefix(_BIN)).down(status)
    target = lab.service(service)
    return target.stopped() if kind == FaultKind.STOP else target.paused()


@click.command()
@json_option
@click.pass_obj
def faults(workspace: Workspace, as_json: bool) -> None:
    """List the injected faults, and when each began and ended."""
    from labkit.lab.lab import Lab

    found = Lab.attach(workspace.root).faults()
    if as_json:
        show_json([asdict(span) for span in found])
    else:
        click.echo(repr(found))
