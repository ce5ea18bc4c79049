"""``labkit fault`` and ``labkit worker``: what goes wrong on purpose, and who helps with the work."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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


@click.command()
@click.option("--nats", "nats_url", default="", help="nats://HOST:PORT; several with commas.")
@click.option("--nats-token", envvar="nats_token", default="", help="Its token; better in $nats_token.")
@click.option("--gateway", "gateway_url", default="", help="Where functions are called, http://HOST:PORT.")
@click.option("--queue", "queue_name", default="*", show_default=True, help="Which queue; * is every one.")
@click.option("--max-inflight", type=click.IntRange(min=1), help="Calls of a queue that it runs at once.")
@click.pass_obj
def worker(
    workspace: Workspace,
    nats_url: str,
    nats_token: str,
    gateway_url: str,
    queue_name: str,
    max_inflight: int | None,
) -> None:
    """Run one more queue-worker in this terminal; Ctrl-C lets its calls finish.

    It joins this workspace's running lab, with the lab's settings, or any nats-server with --nats. Then
    its other settings come from the environment, by OpenFaaS's names: ack_wait, max_retry_attempts ...
    """
    settings = {"nats_url": nats_url, "nats_token": nats_token} if nats_url else _settings_of_lab(workspace)
    chosen = {"queue_name": queue_name, "gateway_url": gateway_url, "max_inflight": max_inflight}
    settings |= {name: str(value) for name, value in chosen.items() if value}
    if max_inflight:
        settings["max_inflight_of"] = ""  # what is said here holds for every queue
    sys.exit(_run_worker(settings))


def _settings_of_lab(workspace: Workspace) -> dict[str, str]:
    from labkit.clients.supervisor import SupervisorClient
    from labkit.lifecycle.running import require_state

    return asyncio.run(SupervisorClient(require_state(workspace)).worker_settings())


def _run_worker(settings: Mapping[str, str]) -> int:
    """Run a queue-worker until it ends or Ctrl-C ends it; return its exit code.

    It ignores Ctrl-C itself, which a terminal sends to both of us.
    """
    # -P: a random.py in the current folder must not be imported for Python's.
    command = [sys.executable, "-P", "-m", "labkit_services.queue_worker"]
    with subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,  # its lifeline: however we end, it does
        stdout=subprocess.PIPE,
        env={**os.environ, **settings, "lifeline": "stdin"},
    ) as process:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if line := process.stdout.readline():
                facts = json.loads(line)
                click.echo(f"Works on {facts['queue']}; metrics {facts['metrics']}; Ctrl-C lets it finish.")
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
        try:
            click.echo("Running calls may finish; Ctrl-C again gives them back.", err=True)
            return process.wait()
        except KeyboardInterrupt:
            process.stdin.close()
            return process.wait()
