"""``python -m services.queue_worker``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

import asyncio

from services.bus import Events, close, connect
from services.depth import depth_of
from services.metrics_port import MetricsPort
from services.queue_worker import metrics
from services.queue_worker.config import Config
from services.queue_worker.worker import Worker
from services.runtime import Service, run


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
