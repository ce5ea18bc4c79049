"""Talking to the gateway, as any OpenFaaS client would."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labkit.clients.answer import Answer
from labkit.errors import GatewayError, InvalidValueError, LabGoneError
from labkit_services.contract.names import CALL_ID, CALLBACK_URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from labkit.lab.bin import AsyncBin, Bin

Body = str | bytes

CALL_SECONDS = 60.0
"""Patience for one synchronous call, like faas-cli's."""

_MANAGE_SECONDS = 60.0


@dataclass(frozen=True)
class Accepted:
    """The gateway's promise to run a call.

    Attributes:
        id: The call's ``X-Call-Id``.
        function: The function's name.
        status: 202.
        seconds: How long the caller waited for that.
    """

    id: str
    function: str
    status: int
    seconds: float


class GatewayClient:
    """An OpenFaaS gateway, on this machine or elsewhere.

    Lives on the hub's loop. ``httpx`` is imported on first use, or while a lab
    starts (``clients.py``): it takes a tenth of a second.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._auth = (user, password)
        self._client: httpx.AsyncClient | None = None

    def function_url(self, name: str) -> str:
        """Return the synchronous route of a function."""
        return f"{self.url}/function/{quote(name)}"

    async def invoke(
        self,
        name: str,
        body: Body = b"",
        *,
        method: str = "POST",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Answer:
        """Call a function synchronously: wait until it is done.

        The answer is returned whatever its status is.

        Raises:
            GatewayError: None came within ``timeout`` seconds.
            LabGoneError: The lab does not run any more.
        """
        return await self._call("function", method, name, body, path, query, dict(headers or {}), timeout)

    async def invoke_async(
        self,
        name: str,
        body: Body = b"",
        *,
        callback: str | AsyncBin | Bin = "",
        path: str = "",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = CALL_SECONDS,
    ) -> Accepted:
        """Call a function asynchronously: return as soon as the call is on the queue.

        Args:
            name: The function; nobody looks whether it exists.
            body: What it gets on stdin.
            callback: Where the result is to be posted: a URL, or a bin.
            path: What to put after the name in the URL.
            query: The query string, without ``?``.
            headers: More request headers.
            timeout: Seconds to the 202.

        Raises:
            GatewayError: The call was not accepted.
            LabGoneError: The lab does not run any more.
        """
        given = dict(headers or {})
        if callback:
            given[CALLBACK_URL] = str(callback)
        answer = await self._call("async-function", "POST", name, body, path, query, given, timeout)
        if answer.status != 202:
            raise GatewayError(
                f"{name} was not accepted",
                expected="202 Accepted",
                seen=f"{answer.status} {answer.text.strip()}",
            )
        return Accepted(answer.call_id, name, answer.status, answer.seconds)

    async def _call(
        self,
        route: str,
        method: str,
        name: str,
        body: Body,
        path: str,
        query: str,
        headers: dict[str, str],
        timeout: float,
    ) -> Answer:
        given = {header.lower(): value for header, value in headers.items()}
        # Our own id, so that the call is known even if no answer comes.
        call_id = given.get(CALL_ID.lower()) or headers.setdefault(CALL_ID, str(uuid.uuid4()))
        if "content-type" not in given:
            headers["Content-Type"] = "text/plain"
        url = f"{self.url}/{route}/{quote(name)}{path}" + (f"?{query}" if query else "")
        content = body.encode() if isinstance(body, str) else body
        http = self._http()
        started = time.perf_counter()
        async with self._explained(f"{method} {url}", timeout):
            response = await http.request(
                method, url, content=content, headers=_encoded(headers), timeout=timeout
            )
        seconds = time.perf_counter() - started
        return Answer(response.status_code, response.content, dict(response.headers), call_id, seconds)

    async def deploy(
        self,
        name: str,
        *,
        fprocess: str = "",
        image: str = "",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Deploy a function, or update it if it is there.

        Args:
            name: Lower-case letters, digits and dashes.
            fprocess: What to run for every call, such as ``sleep 1``; split at blanks, no shell.
            image: What ``faas-cli build`` made, or a well-known image.
            env: Environment of the process.
            labels: OpenFaaS labels, such as ``com.openfaas.scale.max``.
            annotations: OpenFaaS annotations, such as ``com.openfaas.queue``.

        Raises:
            GatewayError: The gateway refused; its text says why.
        """
        deployment = {
            "service": name,
            # Without an image the command is all there is: the small system it would run on.
            "image": image or "functions/alpine:latest",
            "envProcess": fprocess,
            "envVars": dict(env or {}),
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        }
        response = await self.request("PUT", "/system/functions", json=deployment)
        if response.status_code == 404:
            response = await self.request("POST", "/system/functions", json=deployment)
        expect(response, f"{name} was not deployed", 200, 202)

    async def remove(self, name: str) -> bool:
        """Remove a function; return whether there was one."""
        response = await self.request("DELETE", "/system/functions", json={"functionName": name})
        if response.status_code == 404:
            return False
        expect(response, f"{name} was not removed", 200, 202)
        return True

    async def functions(self) -> list[dict[str, Any]]:
        """Return every function's status, as OpenFaaS describes it."""
        response = await self.request("GET", "/system/functions")
        expect(response, "the functions could not be listed", 200)
        found: list[dict[str, Any]] = response.json()
        return found

    async def function(self, name: str) -> dict[str, Any] | None:
        """Return one function's status, or None if there is no such function."""
        response = await self.request("GET", f"/system/function/{quote(name)}")
        if response.status_code == 404:
            return None
        expect(response, f"{name} could not be described", 200)
        status: dict[str, Any] = response.json()
        return status

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines a function's replicas logged."""
        response = await self.request("GET", "/system/logs", params={"name": name, "tail": tail})
        expect(response, f"the log of {name} could not be read", 200)
        return [json.loads(line)["text"] for line in response.text.splitlines()]

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the lab's credentials; return the answer, whatever its status.

        Raises:
            LabGoneError, GatewayError: There was none.
        """
        async with self._explained(f"{method} {path}", _MANAGE_SECONDS):
            return await self._http().request(
                method, self.url + path, auth=self._auth, timeout=_MANAGE_SECONDS, **options
            )

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            # The lab is on this machine: a proxy of the environment is not for it.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
            # Reading the certificate authorities takes 70 ms: not for plain HTTP.
            verify = self.url.startswith("https:")
            self._client = httpx.AsyncClient(trust_env=False, limits=limits, verify=verify)
        return self._client

    @asynccontextmanager
    async def _explained(self, what: str, patience: float) -> AsyncIterator[None]:
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            raise LabGoneError(
                expected=f"the gateway at {self.url}",
                seen=f"nobody answers there ({error})",
                next_step="look at lab.status(); if that is gone, too: run the notebook's first cell, "
                "or labkit up",
            ) from error
        except httpx.TimeoutException as error:
            raise GatewayError(
                f"{what} took too long", expected=f"an answer within {patience:g} s", seen="none"
            ) from error
        except httpx.HTTPError as error:
            raise GatewayError(f"{what} failed", expected="an answer", seen=repr(error)) from error


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as they go over the wire, whatever letters they hold.

    Raises:
        InvalidValueError: One holds a line break, or a name is none.
    """
    for name, value in headers.items():
        if not name.isascii() or not name or any(letter in name + value for letter in "\r\n\0"):
            raise InvalidValueError(
                f"a header can't be sent: {name!r}: {value!r}", expected="an ASCII name, and no line break"
            )
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def expect(response: httpx.Response, headline: str, *statuses: int) -> None:
    """See that an answer is as it should be.

    Raises:
        GatewayError: Its status is none of ``statuses``; says what the gateway said.
    """
    if response.status_code not in statuses:
        raise GatewayError(
            headline,
            expected=f"status {' or '.join(map(str, statuses))}",
            seen=f"{response.status_code} {response.text.strip()}",
        )
