"""Access to the running lab: its gateway and its supervisor."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from labkit_services.contract.errors import LabError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.files.own_file import read_own
from labkit_services.http import ClientResponse, HttpClient, UpstreamError
from labkit_services.http.headers import Pair
from labkit_services.inspector.errors import NotFoundError, NotTakenError, UnavailableError

_STATE_FILE = "state.json"
_COMMAND_SECONDS = 5.0
_REQUEST_SECONDS = 15.0
_MAX_LINE = 16 * 1024 * 1024
_MAX_ANSWER = 32 * 1024 * 1024


class LabAccess:
    """Reads where the lab's gateway and supervisor are, and asks them.

    The state file in the lab's folder has the addresses and credentials. It
    is read each time: ports are known only once the lab is ready, and a
    restart may change them.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._client = HttpClient()

    @property
    def logs(self) -> Path:
        """The folder of the services' logs."""
        if self._folder is None:
            raise _no_lab("no setting lab_folder")
        return self._folder / "logs"

    def state(self) -> dict[str, Any]:
        """Return the fields of the state file; it is written when all run."""
        if self._folder is None:
            raise _no_lab("no setting lab_folder")
        try:
            with read_own(self._folder / _STATE_FILE) as file:
                state = json.loads(file.read())
        except (OSError, ValueError, LabError) as error:
            raise _no_lab(str(error)) from error
        return dict(state)

    def run_id(self) -> str | None:
        """Return the running lab's id, or None without one."""
        try:
            return str(self.state()["run_id"])
        except UnavailableError:
            return None

    async def gateway(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to a ``/system`` route; return the JSON response.

        Raises:
            RequestRefusedError: The gateway refused it, or is not there.
        """
        state = self.state()
        login = b64encode(f"{state['user']}:{state['password']}".encode()).decode()
        headers = [("Authorization", f"Basic {login}")]
        data = b""
        if body is not None:
            headers.append(("Content-Type", "application/json"))
            data = json.dumps(body).encode()
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                response = await self.send(method, path, headers, data)
                answer = await response.incoming.read(_MAX_ANSWER)
        except TimeoutError as error:
            raise _gateway_missing(f"no answer within {_REQUEST_SECONDS:g} s") from error
        except UpstreamError as error:
            raise _gateway_missing(str(error)) from error
        if response.status >= 400:
            raise _refusal(response.status, answer.decode("utf-8", "replace").strip())
        return _read(answer)

    async def send(self, method: str, path: str, headers: list[Pair], body: bytes) -> ClientResponse:
        """Send a request to the gateway; see ``HttpClient.send``."""
        return await self._client.request(method, self.state()["gateway_url"] + path, headers, body)

    async def command(self, name: str, *, within: float = _COMMAND_SECONDS, **arguments: Any) -> Any:
        """Send a command to the supervisor; return its result."""
        state = self.state()
        request = {"token": state["control_token"], "command": name, **arguments}
        try:
            async with asyncio.timeout(within):
                line = await _exchange(state["control"], json.dumps(request).encode() + b"\n")
        except OSError as error:  # includes timeouts
            raise UnavailableError(
                "the lab's supervisor does not answer", seen=str(error), next_step="labkit status"
            ) from error
        answer = json.loads(line or b"{}")
        if "ok" in answer:
            return answer["ok"]
        error_ = answer.get("error", {})
        raise NotTakenError(
            error_.get("headline", "the supervisor closed the connection"),
            expected=error_.get("expected", ""),
            seen=error_.get("seen", ""),
            next_step=error_.get("next_step", ""),
        )

    def close(self) -> None:
        """Cut the connections."""
        self._client.close()


async def _exchange(address: str, request: bytes) -> bytes:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=_MAX_LINE)
    try:
        writer.write(request)
        return await reader.readline()
    finally:
        writer.close()


def _read(answer: bytes) -> Any:
    try:
        return read_json(answer or b"null")
    except InvalidJsonError as error:
        raise UnavailableError("the gateway's answer is not JSON", seen=str(error)) from error


def _no_lab(seen: str) -> UnavailableError:
    return UnavailableError(
        "this inspector knows no running lab",
        expected="the lab's state file",
        seen=seen,
        next_step="start a lab: labkit up; or wait until it is ready",
    )


def _gateway_missing(seen: str) -> UnavailableError:
    return UnavailableError("the gateway does not answer", seen=seen, next_step="labkit status")


def _refusal(status: int, text: str) -> LabError:
    if status == 404:
        return NotFoundError(text or "the gateway does not know it")
    if status in (500, 502, 503, 504):
        return UnavailableError(text or f"the gateway answered {status}", next_step="labkit status")
    return NotTakenError(text or f"the gateway answered {status}", seen=f"{status} of the gateway")
