"""Run a watchdog: ``fprocess=cat python -m labkit_services.watchdog``."""

from __future__ import annotations

import asyncio
import os
import sys

from labkit_services.contract.durations import format_duration
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION
from labkit_services.http import HttpServer, Limits
from labkit_services.runtime.lifeline import watch_lifeline
from labkit_services.runtime.service import Service, run
from labkit_services.watchdog.backend import Backend, Function
from labkit_services.watchdog.command import Command
from labkit_services.watchdog.config import Config
from labkit_services.watchdog.environ import inherited
from labkit_services.watchdog.exits import best_exit_watcher
from labkit_services.watchdog.group import kill_group, kill_rest_of_group, lead_group
from labkit_services.watchdog.handler import Watchdog
from labkit_services.watchdog.health import LockFile
from labkit_services.watchdog.limits import FunctionLimits
from labkit_services.watchdog.metrics import HttpMetrics, serve_metrics
from labkit_services.watchdog.modes import FunctionProcess
from labkit_services.watchdog.output import PipeLines, WatchdogLog
from labkit_services.watchdog.process import Forker
from labkit_services.watchdog.secrets import SecretsView

_HOST = "127.0.0.1"
_FAREWELL_SECONDS = 0.5


async def serve(service: Service, secrets: SecretsView) -> None:
    """Take requests until told to stop, then finish what is in flight."""
    log = WatchdogLog(PipeLines(2))
    service.log = log
    log.line(f"Version: {VERSION}\tSHA: unknown")
    config = Config.from_environ(service.settings)
    limits = FunctionLimits.from_environ(service.settings)
    log.line(
        f"Timeouts: read: {format_duration(config.read_timeout)}"
        f" write: {format_duration(config.write_timeout)}"
        f" hard: {format_duration(config.exec_timeout)}"
        f" health: {format_duration(config.healthcheck_interval)}."
    )
    for line in (*secrets.lines(), *limits.lines()):
        log.line(line)
    loop = asyncio.get_running_loop()
    events = PipeLines(1)
    forker = Forker(loop, best_exit_watcher(loop), combine_output=config.combine_output, limits=limits)
    command = Command(secrets.words(config.argv), service.settings.get("PATH", ""))
    environ = secrets.environment(inherited(os.environb))
    function = FunctionProcess(Function(config, command, environ, forker, log, events))
    try:
        backend = await function.start()
        await _serve(service, config, backend, function, log)
    finally:
        await function.stop()
        await forker.close()
        events.flush()
        kill_rest_of_group()


async def _serve(
    service: Service, config: Config, backend: Backend, function: FunctionProcess, log: WatchdogLog
) -> None:
    lock = LockFile(service.settings)
    metrics = HttpMetrics()
    watchdog = Watchdog(config, backend, lock, metrics, log)
    server = HttpServer(
        watchdog,
        limits=Limits(read_seconds=config.read_timeout or float("inf")),
        on_error=lambda request, error: log.error(f"{request.method} {request.target}: {error!r}"),
    )
    port = await _listen(server, config.port)
    log.line(f"Listening on port: {port}")
    async with serve_metrics(metrics, _HOST, config.metrics_port, log) as metrics_url:
        _become_healthy(watchdog, lock, log, suppress_lock=config.suppress_lock)
        service.ready(url=f"http://{_HOST}:{port}", metrics=metrics_url)
        stopping = asyncio.ensure_future(service.stopping.wait())
        try:
            await asyncio.wait((stopping, function.ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not service.stopping.is_set():
            # Those in flight learn that the connection is lost; the gateway starts another replica.
            watchdog.accepting = False
            await server.stop(_FAREWELL_SECONDS)
            raise function.failure()
        await _stop(watchdog, server, lock, metrics, log, config)


async def _listen(server: HttpServer, port: int) -> int:
    try:
        _, bound = await server.start(_HOST, port)
    except (OSError, OverflowError) as error:
        raise LabError(
            f"Error ListenAndServe: listen tcp {_HOST}:{port}: {error}",
            expected="a port that is free",
            next_step="set port to another number, or to 0 for any",
        ) from error
    return bound


def _become_healthy(watchdog: Watchdog, lock: LockFile, log: WatchdogLog, *, suppress_lock: bool) -> None:
    if suppress_lock:
        log.line(
            'Warning: "suppress_lock" is enabled. '
            "No automated health-checks will be in place for your function."
        )
    else:
        log.line(f"Writing lock-file to: {lock.path}")
        lock.write()
    watchdog.accepting = True


async def _stop(
    watchdog: Watchdog,
    server: HttpServer,
    lock: LockFile,
    metrics: HttpMetrics,
    log: WatchdogLog,
    config: Config,
) -> None:
    """Look unhealthy first, so that no more requests are sent here, and only then stop taking them."""
    log.line(f"SIGTERM: no new connections in {format_duration(config.healthcheck_interval)}")
    watchdog.accepting = False
    log.line(f"Removing lock-file : {lock.path}")
    try:
        lock.remove()
    except OSError as error:
        log.line(f"Unable to mark server as unhealthy: {error}")
    await asyncio.sleep(config.healthcheck_interval)
    log.line(f"No new connections allowed, draining: {metrics.in_flight} requests")
    await server.stop(config.write_timeout)
    log.line(f"Exiting. Active connections: {metrics.in_flight}")


def start() -> None:
    """Answer a container's health check, or be a watchdog."""
    if "--run-healthcheck" in sys.argv[1:] or "-run-healthcheck" in sys.argv[1:]:
        if not LockFile(os.environ).present():
            sys.exit("unable to find lock file.")
        return
    # Not left to the runtime, for which a lost lifeline means an orderly stop.
    # The gateway holds the other end: when it is gone, nobody is left to
    # answer to, so there is nothing to finish.
    lifeline = os.environ.pop("lifeline", "")

    async def live(service: Service) -> None:
        if lifeline == "stdin":
            watch_lifeline(asyncio.get_running_loop(), 0, kill_group)
        await serve(service, secrets)

    lead_group()
    # Before there is a loop: the system wants a process with a single thread.
    secrets = SecretsView.open(os.environ)
    run("watchdog", live)


if __name__ == "__main__":
    start()
