"""``python -m labkit_services.queue_worker``; settings: ``config.py``."""

from __future__ import annotations

import asyncio

from labkit_services.jetstream.connection import close, connect
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.queue_depth import depth_of
from labkit_services.queue_worker import metrics
from labkit_services.queue_worker.config import WorkerConfig
from labkit_services.queue_worker.worker import Worker
from labkit_services.runtime.metrics_server import MetricsServer
from labkit_services.runtime.service import Service, run


async def main(service: Service) -> None:
    """Run until the service must stop."""
    config = WorkerConfig.read(service)
    worker: Worker | None = None

    def on_restored() -> None:
        if worker is not None:
            worker.restored()

    nats = await connect(service, on_restored)
    events = EventPublisher(nats, service)
    worker = Worker(nats, config, events, service)

    async def metrics_text() -> bytes:
        depths = await asyncio.gather(*(depth_of(nats, queue) for queue in worker.queues))
        return metrics.text(service.instance, worker.counts, depths)

    server = MetricsServer(metrics_text, service.log)
    url = await server.start(config.metrics)
    await worker.start()
    service.ready(queue=config.queue, max_inflight=config.max_inflight, metrics=url)
    await service.stopping.wait()
    await worker.stop()
    await server.stop()
    await events.flush()
    await close(nats)


def start() -> None:
    """Run the queue-worker service."""
    run("queue-worker", main)


if __name__ == "__main__":
    start()
