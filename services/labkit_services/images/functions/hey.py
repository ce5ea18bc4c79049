"""hey: sends many requests to a URL and reports how long they took.

A work-alike of github.com/rakyll/hey: its flags and its report. HTTP/2,
proxies and compression are not supported; redirects are not followed.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import itertools
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from labkit_services.images.functions import go_durations
from labkit_services.images.functions.hey_report import Timing, csv, summary

_USER_AGENT = "hey/0.0.1"


class LoadCall(NamedTuple):
    """The request to repeat."""

    url: SplitResult
    method: str
    headers: dict[str, str]
    body: bytes
    timeout: float | None
    keep_alive: bool


class LoadResults:
    """What the workers have seen so far; they append at any time."""

    def __init__(self) -> None:
        self.timings: list[Timing] = []
        self.errors: list[str] = []


class LoadWorker(threading.Thread):
    """Sends one request after the other on a connection of its own."""

    def __init__(
        self, call: LoadCall, results: LoadResults, count: int | None, until: float, rate: float
    ) -> None:
        """``count`` None means until ``until``; ``rate`` 0 means no limit."""
        super().__init__(daemon=True)
        self._call = call
        self._results = results
        self._count = count
        self._until = until
        self._pause = 1 / rate if rate else 0.0
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Send the requests."""
        due = time.monotonic()
        for _ in itertools.count() if self._count is None else range(self._count):
            due += self._pause
            if self._pause:
                time.sleep(max(due - time.monotonic(), 0))
            if time.monotonic() >= self._until:
                break
            try:
                self._results.timings.append(self._send())
            except (OSError, http.client.HTTPException) as error:
                self._close()
                self._results.errors.append(_go_error(self._call, error))
        self._close()

    def _send(self) -> Timing:
        call, begin = self._call, time.perf_counter()
        connection, lookup = (self._connection, 0.0) if self._connection else self._connect()
        connected = time.perf_counter()
        target = (call.url.path or "/") + (f"?{call.url.query}" if call.url.query else "")
        connection.request(call.method, target, call.body, call.headers)
        sent = time.perf_counter()
        response = connection.getresponse()
        waited = time.perf_counter()
        size = len(response.read())
        end = time.perf_counter()
        if response.will_close or not call.keep_alive:
            self._close()
        phases = (connected - begin, lookup, sent - connected, waited - sent, end - waited)
        return Timing(response.status, size, end - begin, phases)

    def _connect(self) -> tuple[http.client.HTTPConnection, float]:
        """Connect; return also the seconds that the host's name took."""
        url, begin = self._call.url, time.perf_counter()
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        lookup = time.perf_counter() - begin
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(host, port, timeout=self._call.timeout)
        self._connection.connect()
        return self._connection, lookup

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _go_error(call: LoadCall, error: Exception) -> str:
    """Return the text of Go's HTTP client for the commonest error."""
    start = f'{call.method.capitalize()} "{call.url.geturl()}": '
    if isinstance(error, ConnectionRefusedError):
        return f"{start}dial tcp {call.url.netloc}: connect: connection refused"
    if isinstance(error, TimeoutError):
        return f"{start}context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return f"{start}{str(error) or type(error).__name__}"


def measure(call: LoadCall, options: argparse.Namespace) -> tuple[LoadResults, float]:
    """Send all requests; return what came back, and the seconds it took."""
    begin, results = time.monotonic(), LoadResults()
    until = begin + go_durations.seconds(options.z) if options.z else float("inf")
    count = None if options.z else options.n // options.c
    workers = [LoadWorker(call, results, count, until, options.q) for _ in range(options.c)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results, time.monotonic() - begin


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("hey", usage="hey [options...] <url>", allow_abbrev=False)
    parser.add_argument("-n", type=int, default=200, help="number of requests")
    parser.add_argument("-c", type=int, default=50, help="number of workers")
    parser.add_argument("-q", type=float, default=0, help="requests a second of each worker; 0 is no limit")
    parser.add_argument(
        "-z", type=go_durations.parse, default=0, help="duration, such as 10s; in place of -n"
    )
    parser.add_argument("-o", choices=["csv"], help="print each request's times")
    parser.add_argument("-m", default="GET", help="method")
    parser.add_argument("-H", action="append", default=[], help="header, 'Name: value'; may be repeated")
    parser.add_argument("-t", type=int, default=20, help="timeout of each request in seconds; 0 is none")
    parser.add_argument("-A", default="", help="header Accept")
    parser.add_argument("-d", default="", help="body")
    parser.add_argument("-D", type=Path, help="file with the body")
    parser.add_argument("-T", default="text/html", help="content type")
    parser.add_argument("-U", default="", help="header User-Agent")
    parser.add_argument("-a", default="", help="user and password, user:password")
    parser.add_argument("-host", default="", help="header Host")
    parser.add_argument("-disable-keepalive", action="store_true", help="a connection for each request")
    for accepted in ("-disable-compression", "-disable-redirects"):
        parser.add_argument(accepted, action="store_true", help="accepted; it is always so")
    parser.add_argument("-cpus", type=int, help="accepted; ignored")
    parser.add_argument("url")
    return parser


def _call(options: argparse.Namespace) -> LoadCall:
    headers = {"Content-Type": options.T}
    for header in options.H:
        name, colon, value = header.partition(":")
        if not colon or not value.strip():
            raise ValueError(f"could not parse the provided input; input = {header}")
        headers[name.strip().title()] = value.strip()
    if options.A:
        headers["Accept"] = options.A
    if options.a:
        headers["Authorization"] = "Basic " + base64.b64encode(options.a.encode()).decode()
    if options.host:
        headers["Host"] = options.host
    agent = options.U or headers.get("User-Agent", "")
    headers["User-Agent"] = f"{agent} {_USER_AGENT}".lstrip()
    body = options.D.read_bytes() if options.D else options.d.encode()
    url = urlsplit(options.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f'"{options.url}" is not an http or https URL')
    if not options.z and not 0 < options.c <= options.n:
        raise ValueError(
            "-n cannot be less than -c."
            if options.n > 0 < options.c
            else "-n and -c cannot be smaller than 1."
        )
    return LoadCall(url, options.m.upper(), headers, body, options.t or None, not options.disable_keepalive)


def main(words: list[str]) -> None:
    """Measure, and print the report; exit with 1 for wrong options."""
    parser = _parser()
    options = parser.parse_args(words)
    try:
        call = _call(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n\n{parser.format_help()}\n")
        sys.exit(1)
    results, seconds = measure(call, options)
    sys.stdout.write(
        csv(results.timings)
        if options.o == "csv"
        else summary(results.timings, Counter(results.errors), seconds)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
