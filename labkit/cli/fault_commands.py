"""``labkit fault`` and ``labkit faults``: what goes wrong on purpose."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from labkit.workspace import Workspace

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

_BIN = "bin/"
_LOOK_SECONDS = 0.05
_LASTING = ("stop", "pause", "slow", "down")


class _Number(click.FloatRange):
    """A number from 0; what is no number at all is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See ``click.ParamType``."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number) or math.isinf(number):
            self.fail(f"{value!r} is not a number from 0", param, ctx)
        return number


_NUMBER = _Number(min=0)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have a closed terminal, and ``kill``, end a command as Ctrl-C does: tidily."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield


@click.command()
@click.argument("service")
@click.argument("kind", type=click.Choice(["kill", "restart", *_LASTING]))
@click.option("--after", type=_NUMBER, default=0.0, help="Seconds until it begins.")
@click.option("--for", "seconds", type=_NUMBER, help="Seconds that it lasts; without it, until Ctrl-C.")
@click.option(
    "--delay", type=_NUMBER, default=0.2, show_default=True, help="slow: seconds of delay, each way."
)
@click.option("--bandwidth", type=_NUMBER, default=0.0, help="slow: bytes a second; 0 is unbounded.")
@click.option("--status", default=503, show_default=True, help="down: what is answered; 0 hangs up.")
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
) -> None:
    """Have something go wrong on purpose; no accepted call is lost by it.

    
    SERVICE KIND is one of
      nats|gateway|worker|inspector kill      SIGKILL; the lab brings it back
      nats|gateway|worker|inspector restart   ended politely, started again
      nats|gateway|worker|inspector stop      ended politely, started again at the end
      nats|gateway|worker|inspector pause     it stands still: holds its connections, answers nothing
      network slow                            between the queue-workers and the gateway
      bin/NAME down                           a callback's target that is down
    """  # the backspace is click's: lines stay as they are
    from labkit.lab.lab import Lab

    lab = Lab.attach(workspace.root)
    began = time.monotonic()
    with _interruptible():
        if kind not in _LASTING:
            lab.fault(service, kind, after=after).wait()
        else:
            lasting = _lasting(lab, service, kind, delay, bandwidth, status)
            time.sleep(after)
            with lasting:
                lasts = "until Ctrl-C" if seconds is None else f"for {seconds:g} s"
                click.echo(f"{service} {kind}, {lasts}")
                while seconds is None or time.monotonic() < began + after + seconds:
                    time.sleep(_LOOK_SECONDS)
    click.echo(f"{service} {kind} is over, after {time.monotonic() - began:.1f} s")


def _lasting(
    lab: Lab, service: str, kind: str, delay: float, bandwidth: float, status: int
) -> AbstractContextManager[None]:
    if kind == "slow":
        if service != "network":
            raise click.UsageError("what can be slow is the network")
        return lab.slow_network(delay, bandwidth=bandwidth)
    if kind == "down":
        if not service.startswith(_BIN):
            raise click.UsageError("what can be down is a bin: bin/NAME")
        return lab.bin(service.removeprefix(_BIN)).down(status)
    chosen = lab.service(service)
    return chosen.stopped() if kind == "stop" else chosen.paused()


@click.command()
@click.pass_obj
def faults(workspace: Workspace) -> None:
    """List what went wrong on purpose: drills, and when each began and ended."""
    from labkit.lab.lab import Lab

    click.echo(repr(Lab.attach(workspace.root).faults()))
