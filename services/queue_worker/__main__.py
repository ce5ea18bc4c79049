"""``python -m services.queue_worker``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

import asyncio

from services.bus import Events, close, connect
from services.contract.errors import LabError
from services.depth import depth_of
from services.http import HttpServer, Request, Response
from services.queue_worker import metrics
from services.queue_worker.config import Config
from services.queue_worker.worker import Worker
from services.runtime import Service, run

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_STOP_GRACE_SECONDS = 0.1


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

    async def scrape(request: Request) -> Response:
        if request.path == "/healthz":
            return Response.text(200, "OK\n")
        if request.path != "/metrics":
            return Response.text(404, "the queue-worker has /metrics and /healthz\n")
        try:
            depths = await asyncio.gather(*(depth_of(nats, queue) for queue in worker.queues))
        except LabError as error:
            return Response.text(503, f"{error}\n")
        text = metrics.text(service.instance, worker.counts, depths)
        return Response(200, [("Content-Type", _PROMETHEUS_TEXT)], text)

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    server = HttpServer(scrape, on_error=on_error)
    # Beside another worker on the same machine the usual port is taken.
    host, port = await server.start(port=config.metrics_port, fallback=True)
    await worker.start(service.setting("nats_url"))
    service.ready(
        queue=config.queue, max_inflight=config.max_inflight, metrics=f"http://{host}:{port}/metrics"
    )
    await service.stopping.wait()
    await worker.stop(service.orphaned)
    await server.stop(_STOP_GRACE_SECONDS)
    await events.flush()
    await close(nats)


if __name__ == "__main__":
    run("queue-worker", main)
