"""Run a watchdog: ``fprocess=cat python -m labkit_services.watchdog``.

Settings are environment variables, or are read from an inherited file whose
descriptor is the argument; see ``environment.py``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from labkit_services.contract.durations import format_duration
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION
from labkit_services.http import HttpServer, Limits
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.lifeline import watch_lifeline
from labkit_services.runtime.service import Service, run
from labkit_services.watchdog.command import FunctionCommand
from labkit_services.watchdog.config import WatchdogConfig
from labkit_services.watchdog.environment import function_environment, read_settings
from labkit_services.watchdog.exit_watcher import best_exit_watcher
from labkit_services.watchdog.health import LockFile
from labkit_services.watchdog.metrics import serve_metrics
from labkit_services.watchdog.modes import create_backend
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.output import PipeLineWriter, WatchdogLog
from labkit_services.watchdog.process_group import kill_group, kill_rest_of_group, lead_group
from labkit_services.watchdog.program import FunctionProgram
from labkit_services.watchdog.request_handler import WatchdogHandler
from labkit_services.watchdog.resource_limits import FunctionLimits
from labkit_services.watchdog.secrets import SecretsView
from labkit_services.watchdog.spawner import Spawner

_FAILURE_GRACE_SECONDS = 0.5
_NO_LOCK_WARNING = (
    'Warning: "suppress_lock" is enabled. No automated health-checks will be in place for your function.'
)


async def serve(service: Service, settings: Mapping[str, str], secrets: SecretsView) -> None:
    """Serve requests until SIGTERM, then finish those in flight."""
    log = WatchdogLog(PipeLineWriter(2))
    service.log = log
    log.line(f"Version: {VERSION}\tSHA: unknown")
    config = WatchdogConfig.from_environ(settings)
    limits = FunctionLimits.from_environ(settings)
    log.line(
        f"Timeouts: read: {format_duration(config.read_timeout)}"
        f" write: {format_duration(config.write_timeout)}"
        f" hard: {format_duration(config.exec_timeout)}"
        f" health: {format_duration(config.healthcheck_interval)}."
    )
    for line in (*secrets.lines(), *limits.lines()):
        log.line(line)
    loop = asyncio.get_running_loop()
    events = PipeLineWriter(1, notes=False)  # its lines are rows
    spawner = Spawner(loop, best_exit_watcher(loop), limits)
    tasks = BackgroundTasks(lambda name, error: log.error(f"{name} failed: {error!r}"))
    command = FunctionCommand(secrets.words(config.argv), settings.get("PATH", ""))
    environ = secrets.environment(function_environment(settings))
    try:
        backend = create_backend(FunctionProgram(config, command, environ, spawner, log, events, tasks))
        try:
            await backend.start()
            await _serve(service, config, backend, LockFile(settings), log)
        finally:
            await backend.stop()
    finally:
        await spawner.close()
        await tasks.cancel()
        events.flush()
        kill_rest_of_group()


async def _serve(
    service: Service, config: WatchdogConfig, backend: Backend, lock: LockFile, log: WatchdogLog
) -> None:
    handler = WatchdogHandler(config, backend, lock, log)
    server = HttpServer(
        handler,
        limits=Limits(read_seconds=config.read_timeout or float("inf")),
        on_error=lambda request, error: log.error(f"{request.method} {request.target}: {error!r}"),
    )
    host = config.listen_address
    port = await _listen(server, host, config.port)
    log.line(f"Listening on port: {port}")
    async with serve_metrics(handler.metrics, host, config.metrics_port, log) as metrics_url:
        if config.suppress_lock:
            log.line(_NO_LOCK_WARNING)
        else:
            log.line(f"Writing lock-file to: {lock.path}")
            lock.write()
        handler.accepting = True
        service.ready(url=f"http://{host}:{port}", metrics=metrics_url)
        stopping = asyncio.create_task(service.stopping.wait(), name="wait for SIGTERM")
        try:
            await asyncio.wait((stopping, backend.failure), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        handler.accepting = False
        if not service.stopping.is_set():
            # Requests in flight are cut off; the gateway starts another
            # replica.
            await server.stop(_FAILURE_GRACE_SECONDS)
            raise backend.failure.result()
        await _become_unhealthy(lock, log, config.healthcheck_interval)
        log.line(f"No new connections allowed, draining: {handler.metrics.in_flight} requests")
        await server.stop(config.write_timeout)
        log.line(f"Exiting. Active connections: {handler.metrics.in_flight}")


async def _listen(server: HttpServer, host: str, port: int) -> int:
    try:
        _, bound = await server.start(host, port)
    except (OSError, OverflowError) as error:
        raise LabError(
            f"Error ListenAndServe: listen tcp {host}:{port}: {error}",
            expected="a free port",
            next_step="set port to another number, or to 0 for any",
        ) from error
    return bound


async def _become_unhealthy(lock: LockFile, log: WatchdogLog, seconds: float) -> None:
    """Wait until health checks have noticed, and no requests are sent."""
    log.line(f"SIGTERM: no new connections in {format_duration(seconds)}")
    log.line(f"Removing lock-file : {lock.path}")
    try:
        lock.remove()
    except OSError as error:
        log.line(f"Unable to mark server as unhealthy: {error}")
    await asyncio.sleep(seconds)


def start() -> None:
    """Run a container's health check, or a watchdog."""
    if "--run-healthcheck" in sys.argv[1:] or "-run-healthcheck" in sys.argv[1:]:
        if not LockFile(os.environ).exists():
            sys.exit("unable to find lock file.")
        return
    settings = read_settings(sys.argv[1:])
    # Not left to the runtime, which stops a service in order when its lifeline
    # ends. A watchdog whose gateway has ended has no receiver for its
    # responses.
    os.environ.pop("lifeline", None)

    async def main(service: Service) -> None:
        if settings.get("lifeline") == "stdin":
            watch_lifeline(asyncio.get_running_loop(), 0, kill_group)
        await serve(service, settings, secrets)

    lead_group()
    # Before there is an event loop: the system requires a process with a
    # single thread.
    secrets = SecretsView.open(settings)
    run("watchdog", main)


if __name__ == "__main__":
    start()
