"""An existing NATS that the lab uses instead of a nats-server of its own."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.service_names import NATS_SERVER
from labkit.views.states import State
from labkit_services.contract.errors import LabError, NatsAccessError
from labkit_services.files.own_file import read_own
from labkit_services.runtime.import_on_use import import_nats
from labkit_services.runtime.nats_login import NatsLogin
from labkit_services.runtime.private_files import write_private

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from labkit_services.jetstream.claim import Claim
    from labkit_services.jetstream.stream_settings import StreamSettings

_NAME = "labkit supervisor"
_CHECK_TIMEOUT_SECONDS = 3.0
_REQUEST_SECONDS = 15.0
"""A cluster that has just started elects its leaders first."""
_STOP_SECONDS = 1.5
_ID_FILE = "nats-lab-id"


class ExternalNats:
    """Checks the NATS, claims its account for the lab, and watches it.

    nats-py is imported on first use: it takes a tenth of a second, which a lab
    with a nats-server of its own need not spend.

    Attributes:
        streams: How streams are created; None before ``start``.
    """

    def __init__(self, login: NatsLogin, folder: Path, replicas: int) -> None:
        """Use ``login`` for the lab whose own folder is ``folder``.

        ``replicas`` 0 is 3 on a cluster, else 1.
        """
        self.login = login
        self.streams: StreamSettings | None = None
        self._replicas = replicas
        self._folder = folder
        self._lab = ""
        self._claim: Claim | None = None
        self._client: Client | None = None
        self._since = time.time()

    # -- start

    async def start(self, run_id: str, worker: dict[str, str], deadline: float) -> None:
        """Check access, claim the account, and keep a connection.

        Raises:
            NatsAccessError: It can't be used, or belongs to another lab.
        """
        from labkit_services.jetstream.access import opened
        from labkit_services.jetstream.claim import Claim, make_claim

        self._lab = self._lab or _lab_id(self._folder)
        name = f"{getpass.getuser()}@{socket.gethostname()}:{self._folder.parent}"
        claim = Claim(self._lab, name, run_id, time.time(), worker)
        try:
            async with asyncio.timeout_at(deadline), opened(self.login, _NAME) as (client, problems):
                with problems.explained("use JetStream"):
                    js = client.jetstream(timeout=_REQUEST_SECONDS)
                    await js.account_info()
                    await _refuse_running(client, run_id)
                with problems.explained("claim its streams for this lab"):
                    self.streams = await make_claim(js, claim, self._replicas)
        except TimeoutError as error:
            raise NatsAccessError(
                "NATS did not answer in time.",
                expected=f"JetStream at {self.login.url}",
                seen="an unfinished exchange",
                next_step="see that most nodes of the cluster run; or give more time: timeout=60",
            ) from error
        self._claim = claim
        await self._connect()
        self._since = time.time()

    async def _connect(self) -> None:
        import_nats()
        from nats.aio.client import Client

        from labkit_services.jetstream.claim import CLAIM_SUBJECT
        from labkit_services.jetstream.client_options import client_options

        async def on_error(error: Exception) -> None:
            logging.debug("nats: %r", error)

        await self._close()
        self._client = Client()
        # nats-py declares whole seconds here, but takes any number.
        wait: Any = 0.2
        options = {**client_options(self.login), "reconnect_time_wait": wait, "error_cb": on_error}
        await self._client.connect(**options, name=_NAME, max_reconnect_attempts=-1, connect_timeout=2)
        await self._client.subscribe(CLAIM_SUBJECT, cb=self._tell_claim)

    async def _tell_claim(self, message: Msg) -> None:
        if self._claim is not None:
            await message.respond(self._claim.to_json())

    # -- while it is used

    def describe(self) -> dict[str, Any]:
        """Return what ``status`` shows, as of a service."""
        return {
            "name": NATS_SERVER,
            "state": State.READY,
            "pid": 0,
            "address": self.login.url,
            "metrics": "",
            "restarts": 0,
            "since": self._since,
            "memory": 0,
            "error": "",
        }

    async def publish(self, subject: str, body: bytes) -> None:
        """Store a message; OSError if that fails."""
        js = self._jetstream()
        try:
            await js.publish(subject, body, timeout=_CHECK_TIMEOUT_SECONDS)
        except Exception as error:
            raise ConnectionError(f"JetStream did not store it: {error!r}") from error

    def _jetstream(self) -> JetStreamContext:
        if self._client is None or self._client.is_closed:
            raise ConnectionError("there is no connection to NATS")
        return self._client.jetstream(timeout=_CHECK_TIMEOUT_SECONDS)

    async def check(self) -> LabError | None:
        """Return why JetStream answers nothing at this moment, or None."""
        from nats.errors import Error as NatsError

        from labkit_services.contract.names import EVENT_STREAM

        try:
            if self._client is None or self._client.is_closed:
                await asyncio.wait_for(self._connect(), _CHECK_TIMEOUT_SECONDS)
            info = await self._jetstream().stream_info(EVENT_STREAM)
        except (OSError, NatsError) as error:  # a timeout is an OSError
            is_connected = self._client is not None and self._client.is_connected
            seen = "connected, but JetStream does not answer" if is_connected else "no connection"
            return _unavailable(self.login, f"{seen}: {error!r}")
        if info.cluster is not None and info.cluster.leader is None:
            return _unavailable(self.login, "its streams have no leader: too few nodes are connected")
        return None

    async def empty(self) -> None:
        """Delete the lab's own streams; others stay."""
        from labkit_services.jetstream.access import NatsProblems
        from labkit_services.jetstream.claim import delete_streams

        with NatsProblems(self.login).explained("delete the lab's streams"):
            await delete_streams(self._jetstream(), self._lab, with_claim=False)

    async def what_stays(self) -> str:
        """Return a sentence about what of the lab is left in NATS."""
        from labkit_services.jetstream.claim import contents
        from labkit_services.jetstream.streams import all_streams

        try:
            async with asyncio.timeout(_STOP_SECONDS):
                found = contents((await all_streams(self._jetstream())).values(), self._lab)
        except Exception as error:  # the lab ends: nothing is done about it
            return f"Whatever is in NATS ({self.login.url}) stays; it did not say what: {error!r}"
        parts = ", ".join(f"{count} {kind}" for kind, count in found.items())
        return f"In NATS ({self.login.url}) stay: {parts}. The next lab in this folder goes on with them."

    async def stop(self) -> None:
        """Close the connection; the claim and the streams stay."""
        await self._close()

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # whatever nats-py reports about a server that is gone
                await asyncio.wait_for(client.close(), _STOP_SECONDS)


def _unavailable(login: NatsLogin, seen: str) -> NatsAccessError:
    return NatsAccessError(
        "NATS stores nothing at this moment.",
        expected=f"an answer of JetStream at {login.url}",
        seen=seen,
        next_step="wait for its nodes: labkit reconnects, and accepted calls are in its streams",
    )


async def _refuse_running(client: Client, run_id: str) -> None:
    """Raise if another running lab answers for these streams."""
    from labkit_services.jetstream.claim import ask_running, taken

    other = await ask_running(client)
    if other is not None and other.run != run_id:
        error = taken(replace(other, name=f"{other.name}, which runs now"))
        error.next_step = "use an account of its own for each lab; or stop that lab"
        raise error


def known_lab_id(folder: Path) -> str:
    """Return the id by which this lab's streams are known, or ""."""
    with suppress(OSError), read_own(folder / _ID_FILE) as file:
        return file.read().decode("ascii", "replace").strip()
    return ""


def _lab_id(folder: Path) -> str:
    lab = known_lab_id(folder)
    if not lab:
        lab = os.urandom(8).hex()
        write_private(folder / _ID_FILE, lab + "\n")
    return lab
