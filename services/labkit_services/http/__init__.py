"""A small HTTP/1.1 server and client over httptools (llhttp, the parser of Node.js).

Why not a framework: the lab's services must start in a fraction of a second,
be small, keep header order and spelling, and add microseconds to a call.
The figures that decided it are in ``docs/architecture.md``.
"""

from labkit_services.http.client import HttpClient
from labkit_services.http.client_connection import ClientResponse, ConnectError, UpstreamError
from labkit_services.http.headers import Headers
from labkit_services.http.message import BodyTooLargeError, HangUpError, HttpError, Request, Response
from labkit_services.http.origin import Origin
from labkit_services.http.router import Router
from labkit_services.http.server import Handler, HttpServer, Limits

__all__ = [
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
