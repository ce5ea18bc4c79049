"""An existing NATS from outside a lab: its lab's settings, its streams."""

from __future__ import annotations

from labkit.supervisor.external_nats import known_lab_id
from labkit.workspace import Workspace
from labkit_services.contract.errors import NatsAccessError
from labkit_services.runtime.nats_login import NatsLogin

_NAME = "labkit"


async def worker_settings(login: NatsLogin) -> dict[str, str]:
    """Return the settings of a queue-worker for the account's lab.

    Without a lab, the worker's own: it creates what it needs.

    Raises:
        NatsAccessError: The NATS can't be used.
    """
    from labkit_services.jetstream.access import opened
    from labkit_services.jetstream.claim import read_claim, stream_settings

    async with opened(login, _NAME) as (client, problems):
        with problems.explained("use JetStream"):
            js = client.jetstream()
            claim = await read_claim(js)
            if claim is None:
                return login.settings()
            streams = await stream_settings(js, claim)
    replicas = str(streams.replicas)
    return {**claim.worker, **login.settings(), "nats_stream_replicas": replicas, "nats_lab": claim.lab}


async def delete_lab_streams(login: NatsLogin, workspace: Workspace, name: str) -> list[str]:
    """Delete a lab's streams and its claim; return the streams' names.

    It is the workspace's lab, or the one of that ``name``.

    Raises:
        NatsAccessError: The NATS can't be used; or the streams are another
            lab's, or that of a running one.
    """
    from labkit_services.jetstream.access import opened
    from labkit_services.jetstream.claim import ask_running, delete_streams, read_claim, taken

    async with opened(login, _NAME) as (client, problems):
        with problems.explained("delete the lab's streams"):
            js = client.jetstream()
            claim = await read_claim(js)
            if claim is None:
                return []
            if claim.name != name and claim.lab != known_lab_id(workspace.folder):
                raise taken(claim)
            if running := await ask_running(client):
                raise NatsAccessError(
                    "The lab of these streams is running.",
                    expected="a lab that has ended",
                    seen=f"{running.name}, which answers",
                    next_step="stop it first",
                )
            return await delete_streams(js, claim.lab, with_claim=True)
