"""HTTP/1.1 server and client over httptools (llhttp, Node.js's parser).

Why not a framework: the lab's services must start in a fraction of a second,
be small, keep header order and spelling, and add microseconds to a call.
``docs/architecture.md`` has the figures behind this decision.
"""

from labkit_services.http.client import HttpClient
from labkit_services.http.client_connection import ClientResponse
from labkit_services.http.errors import (
    BodyTooLargeError,
    ConnectError,
    HangUpError,
    HttpError,
    UpstreamError,
)
from labkit_services.http.headers import Headers
from labkit_services.http.origin import Origin
from labkit_services.http.request import Request
from labkit_services.http.response import Response
from labkit_services.http.router import Router
from labkit_services.http.server import HttpServer
from labkit_services.http.server_state import STOPPED, Handler, Limits

__all__ = [
    "STOPPED",
    "BodyTooLargeError",
    "ClientResponse",
    "ConnectError",
    "Handler",
    "HangUpError",
    "Headers",
    "HttpClient",
    "HttpError",
    "HttpServer",
    "Limits",
    "Origin",
    "Request",
    "Response",
    "Router",
    "UpstreamError",
]
