"""The inspector without a lab: shows a record of a run, read-only."""

from __future__ import annotations

from labkit_services.call_record.record_file import MAX_BYTES, RunRecord, read_record
from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import HttpServer, Request, Response
from labkit_services.inspector.app import InspectorApp, InspectorPages
from labkit_services.inspector.calls.recorded_calls import RecordedCalls
from labkit_services.inspector.config import InspectorConfig
from labkit_services.inspector.errors import ReadOnlyError, error_response
from labkit_services.inspector.listening import listen
from labkit_services.inspector.routes.api import InspectorApi
from labkit_services.inspector.routes.record import RecordApiRoutes
from labkit_services.inspector.token_gate import TokenGate
from labkit_services.runtime.service import Service
from labkit_services.web.same_origin import OwnOrigin

_STOP_GRACE_SECONDS = 1.0


async def show_record(service: Service, config: InspectorConfig) -> None:
    """Serve the record ``config.record`` until the service is stopped."""
    calls = RecordedCalls(_load(config.record))
    routes = RecordApiRoutes(calls)
    gate = TokenGate(config.token, OwnOrigin(config.allowed_hosts))
    app = InspectorApp(None, InspectorApi([routes]), gate, InspectorPages())

    async def handle(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return error_response(ReadOnlyError("a record of a run is open: nothing can be changed"))
        return await app(request)

    def on_error(request: Request, error: BaseException) -> None:
        service.log.error(f"handler failed: {error!r}", method=request.method, path=request.path)

    server = HttpServer(handle, on_error=on_error)
    host, port = await listen(server, config)
    gate.use_port(port)
    record = calls.record
    service.log.info("a record is open", events=len(record.events), skipped=record.skipped)
    service.ready(url=f"http://{host}:{port}")
    await service.stopping.wait()
    routes.close()
    await server.stop(_STOP_GRACE_SECONDS)


def _load(path: str) -> RunRecord:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            if size > MAX_BYTES:
                raise InvalidValueError(
                    "the record is too large", expected=f"at most {MAX_BYTES:,} bytes", seen=f"{size:,} bytes"
                )
            file.seek(0)
            return read_record(file, path)
    except OSError as error:
        headline = "the record can't be read"
        raise InvalidValueError(headline, expected="a file of lab.record()", seen=str(error)) from error
