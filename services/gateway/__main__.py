"""``python -m services.gateway``: settings are environment variables, see ``config.py``."""

from __future__ import annotations

from services.bus import Events, close, connect
from services.gateway.accept import Acceptor
from services.gateway.app import App
from services.gateway.auth import BasicAuth
from services.gateway.config import Config
from services.gateway.forward import Forwarder
from services.gateway.provider import ProcessProvider
from services.gateway.system import System
from services.http import HttpClient, HttpServer, Request
from services.jetstream import Publisher, ensure_events, ensure_queue
from services.runtime import Service, run

_STOP_GRACE_SECONDS = 1.0


async def main(service: Service) -> None:
    """Serve until told to stop."""
    config = Config.read(service)
    nats = await connect(service)
    js = nats.jetstream()
    await ensure_events(js, replicas=config.replicas)
    await ensure_queue(js, config.queue, ack_wait=config.ack_wait, replicas=config.replicas)
    publisher = Publisher(nats)
    await publisher.start()
    events = Events(nats, service)
    client = HttpClient()
    provider = ProcessProvider(js, config, Events(nats, service, name="watchdog"), service.log)
    await provider.start()

    lines = service.log.writer
    app = App(
        Forwarder(provider, client, events, lines, upstream_timeout=config.upstream_timeout),
        Acceptor(publisher, events, lines, config),
        System(provider, BasicAuth(config.user, config.password)),
    )

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    server = HttpServer(app, on_error=on_error)
    host, port = await server.start(port=config.port, fallback=config.port_fallback)
    service.ready(url=f"http://{host}:{port}")
    await service.stopping.wait()
    await server.stop(_STOP_GRACE_SECONDS)
    await provider.stop()
    client.close()
    await events.flush()
    await close(nats)


if __name__ == "__main__":
    run("gateway", main)
