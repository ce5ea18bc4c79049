"""The request inspector: an HTTP server that keeps whatever is sent to it, and shows it.

    python -m labkit_services.inspector

Send any request to http://127.0.0.1:8090/r/NAME and open http://127.0.0.1:8090/ to see it. What is
captured is kept in memory only: a restart forgets it.

Settings are environment variables:

    port              8090; 0 means any
    port_fallback     true: take any port when that one is taken
    inspector_token   what the page and the API ask for; empty leaves them open
    nats_url          nats-server that is told of every capture; empty tells nobody
    nats_token        its token
    bin_capacity      500 requests a bin; older ones are dropped
    max_bins          200
    max_body          1048576 bytes kept of each body; of the rest only length and hash
    max_memory        67108864 bytes for all requests of all bins
    lifeline          stdin: end when standard input does
"""

from __future__ import annotations

import sys

from labkit_services.http import HttpServer, Request
from labkit_services.inspector.api import Api
from labkit_services.inspector.app import App
from labkit_services.inspector.auth import Gate
from labkit_services.inspector.capture import Capture
from labkit_services.inspector.config import Config, PortTakenError
from labkit_services.inspector.feed import Feed
from labkit_services.inspector.page import Page
from labkit_services.inspector.store import Change, ChangeKind, Store
from labkit_services.runtime.service import Service, run

_STOP_GRACE_SECONDS = 2.0


async def main(service: Service) -> None:
    """Serve until told to stop."""
    config = Config.read(service)
    store = Store(config.bounds)
    api = Api(store)
    gate = Gate(config.token)
    feed = Feed(service) if config.nats_url else None
    if feed is not None:
        store.listeners.append(feed.on_change)

    def say(change: Change) -> None:
        if change.kind is ChangeKind.REQUEST_RECEIVED and change.record is not None:
            arrival = change.record.arrival
            said = (
                {"function": arrival.callback.function, "call_id": arrival.callback.call_id}
                if arrival.callback
                else {}
            )
            service.log.info(f"captured {arrival.method} {arrival.path}", bytes=arrival.size, **said)

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    store.listeners.append(say)
    app = App(Capture(store, body_limit=config.max_body), api, gate, Page())
    server = HttpServer(app, on_error=on_error)
    try:
        host, port = await server.start(port=config.port, fallback=config.port_fallback)
    except OSError as error:
        raise PortTakenError.at(config.port, error) from error
    url = f"http://{host}:{port}"
    gate.at_port(port)
    api.at(url)
    service.ready(url=url)
    if feed is not None:
        feed.start()
    await service.stopping.wait()
    api.close()
    await server.stop(_STOP_GRACE_SECONDS)
    if feed is not None:
        await feed.stop()


def start() -> None:
    """Be an inspector, to the process's end."""
    run("inspector", main)


if __name__ == "__main__":
    if sys.argv[1:]:
        asked = sys.argv[1] in ("-h", "--help")
        (sys.stdout if asked else sys.stderr).write(__doc__ or "")
        sys.exit(0 if asked else 2)
    start()
