"""``python -m labkit_services.queue_worker``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

import asyncio

from labkit_services.jetstream.connection import Events, close, connect
from labkit_services.jetstream.queue_depth import depth_of
from labkit_services.queue_worker import metrics
from labkit_services.queue_worker.config import Config
from labkit_services.queue_worker.worker import Worker
from labkit_services.runtime.metrics_server import MetricsPort
from labkit_services.runtime.service import Service, run


async def main(service: Service) -> None:
    """Work until told to stop."""
    config = Config.read(service)
    worker: Worker | None = None

    def on_restored() -> None:
        if worker is not None:
            worker.restored()

    nats = await connect(service, on_restored)
    events = Events(nats, service)
    worker = Worker(nats, config, events, service.log, service.instance)

    async def text() -> bytes:
        depths = await asyncio.gather(*(depth_of(nats, queue) for queue in worker.queues))
        return metrics.text(service.instance, worker.counts, depths)

    port = MetricsPort(text, service.log)
    url = await port.start(config.metrics_port)
    await worker.start(service.setting("nats_url"))
    service.ready(queue=config.queue, max_inflight=config.max_inflight, metrics=url)
    await service.stopping.wait()
    await worker.stop(service.orphaned)
    await port.stop()
    await events.flush()
    await close(nats)


def start() -> None:
    """Be a queue-worker, to the process's end."""
    run("queue-worker", main)


if __name__ == "__main__":
    start()
