"""``python -m labkit_services.gateway``; ``config.py`` has its settings."""

from __future__ import annotations

import asyncio
import math

from labkit_services.contract.function_providers import DOCKER
from labkit_services.contract.names import GATEWAY_ALIASES
from labkit_services.gateway.app import GatewayApp
from labkit_services.gateway.auth import BasicAuth
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.dead_letter_store import DeadLetterStore
from labkit_services.gateway.functions.autoscaler import Autoscaler
from labkit_services.gateway.functions.process_backend import ProcessBackend
from labkit_services.gateway.functions.provider import FunctionProvider, ReplicaBackend
from labkit_services.gateway.metrics import Metrics, Telemetry
from labkit_services.gateway.openfaas_only import OpenFaasOnly
from labkit_services.gateway.queue_registry import QueueRegistry
from labkit_services.gateway.queue_workers import QueueWorkers
from labkit_services.gateway.registry import Registry
from labkit_services.gateway.routes import openapi
from labkit_services.gateway.routes.alerts import AlertRoutes
from labkit_services.gateway.routes.async_function import AsyncFunctionRoute
from labkit_services.gateway.routes.calls import CallRoutes
from labkit_services.gateway.routes.dead_letters import DeadLetterRoutes
from labkit_services.gateway.routes.deployments import FunctionRoutes
from labkit_services.gateway.routes.logs import LogRoutes
from labkit_services.gateway.routes.monitoring import MonitoringRoutes
from labkit_services.gateway.routes.namespaces import NamespaceRoutes
from labkit_services.gateway.routes.queued_calls import QueuedCallRoutes
from labkit_services.gateway.routes.queues import QueueRoutes
from labkit_services.gateway.routes.secrets import SecretRoutes
from labkit_services.gateway.routes.sync_function import FunctionRoute
from labkit_services.gateway.routes.ui import UiRoutes
from labkit_services.http import HttpClient, HttpServer, Limits, Request
from labkit_services.jetstream.atomic_batch import AtomicBatches
from labkit_services.jetstream.batch_publisher import BatchPublisher
from labkit_services.jetstream.connection import Client, close, connect
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.publisher import Publisher
from labkit_services.jetstream.streams import ensure_cancelled, ensure_events, ensure_queue
from labkit_services.runtime.log import Log
from labkit_services.runtime.metrics_server import MetricsServer
from labkit_services.runtime.service import Service, run
from labkit_services.web.owner_socket import serve_owner
from labkit_services.web.same_origin import OwnOrigin

_STOP_GRACE_SECONDS = 1.0


async def main(service: Service) -> None:
    """Run the gateway until it is stopped."""
    config, log = GatewayConfig.read(service), service.log
    nats = await connect(service)
    js = nats.jetstream()
    publisher, workers = Publisher(nats), QueueWorkers(nats)
    # Concurrently: each is a few round trips to nats-server, and the lab's
    # start waits for the last.
    registry, cancelled, *_ = await asyncio.gather(
        Registry.open(js, log, config.streams),
        ensure_cancelled(js, config.streams),
        ensure_events(js, config.streams),
        ensure_queue(js, config.queue, ack_wait=config.ack_wait, settings=config.streams),
        publisher.start(),
        workers.start(),
    )
    accepting = await _batching(publisher, nats, service) if config.sync_always else publisher
    events, watchdog_events = EventPublisher(nats, service), EventPublisher(nats, service, name="watchdog")
    metrics = Metrics()
    queues = QueueRegistry(nats, config)
    backend = _backend(config, registry, log)
    await backend.open()
    provider = FunctionProvider(backend, registry, queues, watchdog_events, log)
    provider.start()
    service.tasks.start(Autoscaler(provider, metrics, log).run(), name="autoscaler")

    async def metrics_text() -> bytes:
        return metrics.text({f.spec.key: len(f.ready_replicas()) for f in provider.all()})

    client = HttpClient()
    telemetry = Telemetry(events, log.writer, metrics)
    app = GatewayApp(
        FunctionRoute(provider, client, telemetry, timeout=config.upstream_timeout),
        AsyncFunctionRoute(provider, queues, accepting, telemetry, config),
        BasicAuth(config.user, config.password),
        [
            CallRoutes(nats, publisher, cancelled, events, log),
            FunctionRoutes(provider, metrics),
            LogRoutes(provider, follow_seconds=config.write_timeout or math.inf),
            AlertRoutes(provider),
            SecretRoutes(registry),
            NamespaceRoutes(provider, registry.namespaces),
            QueueRoutes(nats, workers, config.streams.lab),
            QueuedCallRoutes(nats, publisher, cancelled, events),
            DeadLetterRoutes(DeadLetterStore(nats, publisher, events, provider.retry_of)),
            MonitoringRoutes(backend, metrics_text),
            openapi,
            UiRoutes(config.lab_state),
        ],
        OwnOrigin((*config.allowed_hosts, *GATEWAY_ALIASES)),
    )

    def on_error(request: Request, error: BaseException) -> None:
        log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    handler = OpenFaasOnly(app) if config.openfaas_only else app
    limits = Limits(read_seconds=config.read_timeout or math.inf)
    server = HttpServer(handler, limits=limits, on_error=on_error)
    host, port = await config.api.start(server)
    await backend.expose(app)
    await serve_owner(server, config.owner_socket, handler, sandbox=True)
    metrics_server = MetricsServer(metrics_text, log)
    metrics_url = await metrics_server.start(config.metrics)
    service.ready(url=f"http://{host}:{port}", metrics=metrics_url)
    await service.stopping.wait()
    await service.tasks.cancel()
    await metrics_server.stop()
    await server.stop(_STOP_GRACE_SECONDS)
    await provider.stop()
    await backend.close()
    client.close()
    await events.flush()
    await close(nats)


async def _batching(publisher: Publisher, nats: Client, service: Service) -> BatchPublisher:
    """Return what accepts calls if each message costs an fsync."""
    batches = AtomicBatches(nats)
    await batches.start()
    return BatchPublisher(publisher, batches, service)


def _backend(config: GatewayConfig, registry: Registry, log: Log) -> ReplicaBackend:
    if config.functions != DOCKER:
        return ProcessBackend(config, registry.secrets)
    # Not at the top: the Docker SDK takes a while to import.
    from labkit_services.gateway.functions.docker.backend import DockerBackend

    return DockerBackend(config, registry.secrets, log)


def start() -> None:
    """Run the gateway service."""
    run("gateway", main)


if __name__ == "__main__":
    start()
