"""``python -m services.queue_worker``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

from services.bus import Events, close, connect
from services.contract.names import worker_control_subject
from services.jetstream import ensure_queue
from services.queue_worker.config import Config
from services.queue_worker.worker import Worker
from services.runtime import Service, run

_STOP_GRACE_SECONDS = 1.0


async def main(service: Service) -> None:
    """Work until told to stop."""
    config = Config.read(service)
    worker: Worker | None = None

    def on_restored() -> None:
        if worker is not None:
            worker.restored()

    nats = await connect(service, on_restored)
    await ensure_queue(nats.jetstream(), config.queue, ack_wait=config.ack_wait, replicas=config.replicas)
    events = Events(nats, service)
    worker = Worker(nats, config, events, service.log)
    await nats.subscribe(worker_control_subject(config.queue), cb=worker.on_control)
    await worker.start(service.setting("nats_url"), service.instance)
    service.ready(queue=config.queue, max_inflight=config.max_inflight)
    await service.stopping.wait()
    await worker.stop(_STOP_GRACE_SECONDS)
    await events.flush()
    await close(nats)


if __name__ == "__main__":
    run("queue-worker", main)
