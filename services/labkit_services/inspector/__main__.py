"""The request inspector: an HTTP server that captures requests and shows them.

    python -m labkit_services.inspector

Send any request to http://127.0.0.1:8090/r/NAME and open
http://127.0.0.1:8090/ to see it; a browser may open the bin's URL, too.
A request is answered 200, unless its URL (/r/NAME/503, or
/r/NAME?_status=503&_delay=2s&_fail=0.3&_echo=1) or the bin's rules, hold or
forward decide otherwise: /api/v1/bins/NAME/responses, /hold, /forward.
Bins and requests survive a restart, and a kill, in the file ``history``.

Settings are environment variables:

    port              8090; 0 means any
    listen            IP address to listen on; 127.0.0.1
    port_fallback     true: use any port if that one is taken
    owner_socket      path of a Unix socket at which no token is needed, for a
                      proxy of the lab's owner; empty: none
    inspector_token   token for the page and the API; empty leaves them open
    allow_targets     hosts to which requests may be forwarded and replayed,
                      besides this machine and the gateway, such as
                      example.com,.example.org,10.0.0.5:8080; * for any
    gateway_url       where http://gateway:8080 leads; empty: to the gateway
                      of lab_folder
    allowed_hosts     more host names under which browsers reach it, such as
                      lab.example.com,.example.org; * for any
    nats_url          nats-server for an event of every capture; empty: none
    nats_token        its token
    lab_folder        the running lab's folder, with its state and its logs:
                      for calls, queues, services and logs; empty: none
    record            a file of lab.record(): show it, read-only, without a lab
    bin_capacity      500 requests per bin; older ones are dropped
    max_bins          200
    max_body          1048576 bytes kept of each body; the rest is hashed only
    max_bytes         268435456 bytes of the history, with all overhead, for
                      all requests of all bins; the oldest are dropped
    history           file of the history, an SQLite database; empty: in
                      memory only. A damaged one is renamed NAME.damaged-TIME
    lifeline          stdin: end when standard input does
"""

from __future__ import annotations

import sys

from labkit_services.http import HttpServer, Request
from labkit_services.inspector.app import InspectorApp, InspectorPages
from labkit_services.inspector.calls.call_parts import CallParts
from labkit_services.inspector.calls.fault_events import FaultEvents
from labkit_services.inspector.config import InspectorConfig
from labkit_services.inspector.listening import listen
from labkit_services.inspector.live.event_journal import EventJournal
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.metrics import InspectorMetrics
from labkit_services.inspector.record_page import show_record
from labkit_services.inspector.responding.capture_handler import CaptureHandler
from labkit_services.inspector.responses import ResponseParts
from labkit_services.inspector.routes.about import AboutRoutes
from labkit_services.inspector.routes.api import InspectorApi
from labkit_services.inspector.routes.bins import BinRoutes, BinView
from labkit_services.inspector.routes.calls import call_routes
from labkit_services.inspector.routes.events import EventRoutes
from labkit_services.inspector.routes.exports import ExportRoutes
from labkit_services.inspector.routes.requests import RequestRoutes
from labkit_services.inspector.routes.verify import VerifyRoutes
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange
from labkit_services.inspector.storage.store_upkeep import StoreUpkeep
from labkit_services.inspector.token_gate import TokenGate
from labkit_services.runtime.service import Service, run
from labkit_services.web.owner_socket import serve_owner
from labkit_services.web.same_origin import OwnOrigin

_STOP_GRACE_SECONDS = 2.0


async def main(service: Service) -> None:
    """Run the inspector until it is stopped."""
    config = InspectorConfig.read(service)
    if config.record:
        await show_record(service, config)
        return
    store = BinStore(config.limits, config.history, service.log.warning)
    bin_view = BinView()
    waiters = RequestWaiters(store)
    events = ServerSentEvents(store, EventJournal(store, bin_view.to_json))
    faults = FaultEvents(events)
    gate = TokenGate(config.token, OwnOrigin(config.allowed_hosts))
    calls = CallParts(service, store, nats_url=config.nats_url, lab_folder=config.lab_folder)
    responses = ResponseParts.build(store, config, calls.lab)

    def log_capture(change: StoreChange) -> None:
        if change.record is not None:
            request, callback = change.record.request, change.record.request.callback
            call = {"function": callback.function, "call_id": callback.call_id} if callback else {}
            service.log.info(f"captured {request.method} {request.path} bytes={request.size}", **call)

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    store.listeners.add(log_capture, ChangeKind.REQUEST_RECEIVED)
    store.listeners.add(faults.on_change, ChangeKind.BIN_CHANGED)
    calls.event_log.lab_listeners.append(faults.on_lab_events)
    app = InspectorApp(
        CaptureHandler(store, responses.responder, responses.replayer.marks, body_limit=config.max_body),
        InspectorApi(
            [
                BinRoutes(store, bin_view),
                RequestRoutes(store, waiters, calls.times),
                VerifyRoutes(store, waiters),
                ExportRoutes(store, config.max_body),
                EventRoutes(store, events),
                *responses.routes,
                *call_routes(calls),
                AboutRoutes(store, bin_view, calls, InspectorMetrics(store, events)),
            ],
            calls.lab.run_id,
        ),
        gate,
        InspectorPages(),
    )
    server = HttpServer(app, on_error=on_error)
    host, port = await listen(server, config)
    bin_view.url = responses.replayer.url = f"http://{host}:{port}"
    gate.use_port(port)
    await serve_owner(server, config.owner_socket, app)
    service.ready(url=bin_view.url)
    calls.start()
    upkeep = service.tasks.start(StoreUpkeep(store).run(), name="upkeep of the history")
    await service.stopping.wait()
    waiters.close()
    events.close()
    responses.stop()
    calls.close()
    await server.stop(_STOP_GRACE_SECONDS)
    responses.client.close()
    await calls.stop()
    upkeep.cancel()
    store.close()


def start() -> None:
    """Run the inspector service."""
    run("inspector", main)


if __name__ == "__main__":
    if sys.argv[1:]:
        is_help = sys.argv[1] in ("-h", "--help")
        (sys.stdout if is_help else sys.stderr).write(__doc__ or "")
        sys.exit(0 if is_help else 2)
    start()
