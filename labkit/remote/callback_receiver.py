"""The receiver of results: a request inspector of this process's own."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import tempfile
from typing import IO, NamedTuple, Self
from urllib.parse import urlsplit

from labkit.clients.inspector import InspectorClient
from labkit.errors import CallbackUrlError, LabError, LabStartError, ServiceError
from labkit.lifecycle.launch import wait_for_exit
from labkit.remote.callback_address import CallbackAddress
from labkit.remote.observed_calls import ObservedCalls
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.runtime.log_tail import last_lines
from labkit_services.runtime.python_process import python_command, python_environment

RESULTS_BIN = "results"
"""The bin of results of calls that were made without a callback."""
_MODULE = "labkit_services.inspector"
_LOCAL = "127.0.0.1"
_START_SECONDS = 15.0
_END_SECONDS = 4.0
_RETRY_SECONDS = 0.3
_LOST_AFTER = 5
_RESULTS = 10_000
_LOG_LINES = 8


class ReceiverAddress(NamedTuple):
    """Where a receiver is.

    Attributes:
        api: Its address for this process.
        bins: Its address for the OpenFaaS.
        token: Opens its API.
    """

    api: str
    bins: str
    token: str


class CallbackReceiver:
    """A running inspector; it ends when this process does.

    Its standard input is a pipe that this process holds open.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: ReceiverAddress) -> None:
        self.address = address
        self._process = process
        self._pid = os.getpid()

    @classmethod
    async def start(cls, address: CallbackAddress) -> Self:
        """Start it; return when it takes requests.

        Raises:
            CallbackUrlError: It can't listen there.
            LabStartError: It did not start.
        """
        token = secrets.token_hex(24)
        environment = {
            **python_environment(),
            "listen": address.host,
            "port": str(address.port),
            "port_fallback": "false",
            "inspector_token": token,
            "bin_capacity": str(_RESULTS),
            "lifeline": "stdin",
            # None of these may come from the environment of this process.
            **dict.fromkeys(
                ("nats_url", "lab_folder", "history", "owner_socket", "record", "gateway_url"), ""
            ),
        }
        with tempfile.TemporaryFile() as stderr:
            process = _spawn(environment, stderr)
            try:
                line = await _first_line(process)
            except BaseException:
                await _end(process)
                raise
            try:
                host, port = _listening(line)
            except ValueError:
                await _end(process)
                raise _not_started(address, last_lines(stderr, _LOG_LINES)) from None
        shown = _LOCAL if host == "0.0.0.0" else host  # noqa: S104 - compared only
        api = f"http://{_in_url(shown)}:{port}"
        bins = address.url or api
        if bins.startswith("http:") and urlsplit(bins).port is None:
            bins = f"{bins}:{port}"
        return cls(process, ReceiverAddress(api, bins, token))

    async def follow(self, inspector: InspectorClient, calls: ObservedCalls) -> None:
        """Note every callback, until the receiver is gone."""
        after, failures = "", 0
        while failures < _LOST_AFTER and self._process.poll() is None:
            try:
                async for event in inspector.follow(after=after):
                    failures = 0
                    after = event.id or after
                    summary = event.data.get("request")
                    if event.name == "request.received" and summary:
                        calls.called_back(summary, f"{self.address.bins}/r/{summary['bin']}")
            except LabError:
                failures += 1
            await asyncio.sleep(_RETRY_SECONDS)
        calls.fail(
            ServiceError(
                "the receiver of results is gone",
                expected=f"the request inspector at {self.address.api}, process {self._process.pid}",
                seen="it has ended" if self._process.poll() is not None else "it does not answer",
                next_step="connect again: lab.stop(), then Lab.connect(…) or Lab.start()",
            )
        )

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    async def stop(self) -> None:
        """End the process; idempotent."""
        if self._pid == os.getpid():
            await _end(self._process)


def _spawn(environment: dict[str, str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            python_command(_MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            env=environment,
        )
    except OSError as error:
        raise LabStartError(
            "the receiver of results did not start",
            expected=f"to run {_MODULE}",
            seen=str(error),
            next_step="look at the installation with: labkit doctor",
        ) from error


async def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        async with asyncio.timeout(_START_SECONDS):
            return await reader.readline()
    except TimeoutError:
        raise LabTimeoutError(
            "the receiver of results did not start in time",
            expected=f"a ready message within {_START_SECONDS:g} s",
            seen="none",
            next_step="look at the installation with: labkit doctor",
        ) from None
    finally:
        transport.close()


def _listening(line: bytes) -> tuple[str, int]:
    """Return host and port of a ready message, or raise ValueError."""
    try:
        # An IPv6 address has no brackets there.
        host, _, port = str(json.loads(line)["url"]).removeprefix("http://").rpartition(":")
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return host, int(port)


async def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if not await wait_for_exit(process, _END_SECONDS):
        process.kill()
        await wait_for_exit(process)


def _not_started(address: CallbackAddress, log: list[str]) -> LabError:
    return CallbackUrlError(
        f"results can't be received on {address.host}, port {address.port or 'any'}",
        expected="an address of this machine with a free port",
        seen="the receiver has ended",
        log=log,
        next_step="choose another port: Lab.connect(…, callback_url='http://HOST:PORT')",
    )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
