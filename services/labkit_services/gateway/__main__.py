"""``python -m labkit_services.gateway``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

import asyncio
import json
import math

from labkit_services.contract.names import inspector_page
from labkit_services.gateway.accept import Acceptor
from labkit_services.gateway.admin import AdminRoutes
from labkit_services.gateway.app import App
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.autoscaler import Autoscaler
from labkit_services.gateway.calls import CallRoutes
from labkit_services.gateway.config import Config
from labkit_services.gateway.dead_letters import DeadLetters
from labkit_services.gateway.forward import Forwarder
from labkit_services.gateway.metrics import Metrics
from labkit_services.gateway.provider import ProcessProvider
from labkit_services.gateway.queue_routes import QueueRoutes
from labkit_services.gateway.queues import Queues
from labkit_services.gateway.registry import Registry
from labkit_services.gateway.system import FunctionRoutes
from labkit_services.http import HttpClient, HttpServer, Limits, Request
from labkit_services.jetstream.connection import close, connect
from labkit_services.jetstream.event_publisher import Events
from labkit_services.jetstream.publisher import Publisher
from labkit_services.jetstream.streams import ensure_cancelled, ensure_events, ensure_queue
from labkit_services.runtime.metrics_server import MetricsServer
from labkit_services.runtime.service import Service, run

_STOP_GRACE_SECONDS = 1.0


async def main(service: Service) -> None:
    """Serve until told to stop."""
    config = Config.read(service)
    nats = await connect(service)
    js = nats.jetstream()
    publisher = Publisher(nats)
    registry = Registry(js, service.log, replicas=config.replicas)
    # Side by side: each is a few questions to nats-server, and a lab waits for the last.
    cancelled, *_ = await asyncio.gather(
        ensure_cancelled(js, replicas=config.replicas),
        ensure_events(js, replicas=config.replicas),
        ensure_queue(js, config.queue, ack_wait=config.ack_wait, replicas=config.replicas),
        publisher.start(),
        registry.open(),
    )
    events = Events(nats, service)
    metrics = Metrics()
    watchdog_events = Events(nats, service, name="watchdog")
    queues = Queues(nats, config)
    provider = ProcessProvider(registry, queues, config, watchdog_events, metrics, service.log)
    await provider.start()
    service.tasks.start(Autoscaler(provider, metrics, service.log).run(), name="autoscaler")

    client = HttpClient()
    lines = service.log.writer

    def text() -> bytes:
        return metrics.text({f.spec.key: f.available() for f in provider.all()})

    async def scraped() -> bytes:
        return text()

    app = App(
        Forwarder(provider, client, events, metrics, lines, upstream_timeout=config.upstream_timeout),
        Acceptor(provider, queues, publisher, events, lines, config),
        BasicAuth(config.user, config.password),
        CallRoutes(nats, publisher, cancelled, events, service.log).routes(),
        [
            *FunctionRoutes(provider, metrics, follow_seconds=config.write_timeout or math.inf).routes(),
            *AdminRoutes(provider).routes(),
            *QueueRoutes(nats, DeadLetters(nats, publisher, events, provider.retry_of)).routes(),
        ],
        metrics=text,
        page=lambda: _inspector_page(config),
    )

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    server = HttpServer(app, limits=Limits(read_seconds=config.read_timeout or math.inf), on_error=on_error)
    host, port = await server.start(port=config.port, fallback=config.port_fallback)
    metrics_port = MetricsServer(scraped, service.log)
    metrics_url = await metrics_port.start(config.metrics_port)
    service.ready(url=f"http://{host}:{port}", metrics=metrics_url)
    await service.stopping.wait()
    await service.tasks.cancel()
    await metrics_port.stop()
    await server.stop(_STOP_GRACE_SECONDS)
    await provider.stop()
    client.close()
    await events.flush()
    await close(nats)


def _inspector_page(config: Config) -> str:
    """Return where the inspector's page opens, which the lab writes down once it knows it; else "".

    Whoever is led there has shown the gateway's credentials.
    """
    try:
        state = json.loads(config.lab_state.read_text())
    except (OSError, ValueError):
        return ""
    url = state.get("inspector_url")
    return inspector_page(url, state.get("inspector_token", "")) if url else ""


def start() -> None:
    """Be a gateway, to the process's end."""
    run("gateway", main)


if __name__ == "__main__":
    start()
