"""Which lab the streams of a NATS account belong to.

All labs use the same names, so an account holds the streams of one lab. A
bucket tells which; a lab that finds another's claim does not start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nats.js import JetStreamContext, api
from nats.js.errors import APIError, KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.errors import NatsAccessError
from labkit_services.contract.names import (
    CALLBACK_STREAM,
    CANCELLED_BUCKET,
    EVENT_STREAM,
    FUNCTION_BUCKET,
    RESULT_STREAM,
)
from labkit_services.contract.queues import DEAD_SUFFIX, STREAM_PREFIX
from labkit_services.jetstream import retention
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.stream_settings import LAB_MARK, StreamSettings
from labkit_services.jetstream.streams import all_streams, ensure_bucket

CLAIM_BUCKET = "labkit"
CLAIM_SUBJECT = "lab.claim"
"""A running lab answers a request on this subject with its claim."""

CLUSTER_REPLICAS = 3
"""Servers that hold each message of a cluster: two of them must agree."""

_KEY = "lab"
_STREAMS = 10
"""Of a lab with one queue, the claim's own included."""
_ASK_SECONDS = 0.5
_NO_CLUSTER = 10074
"""JetStream's error code for several replicas on a single server."""
_NAMES = {CALLBACK_STREAM, EVENT_STREAM, RESULT_STREAM, f"KV_{CANCELLED_BUCKET}", f"KV_{FUNCTION_BUCKET}"}
_NAMES |= {"KV_secrets", "KV_namespaces"}


@dataclass(frozen=True)
class Claim:
    """The lab that an account's streams belong to.

    Attributes:
        lab: A random id of its workspace.
        name: What it is called in messages: ``USER@HOST:FOLDER``.
        run: Id of its newest run.
        since: Unix time at which that began.
        worker: Settings for queue-workers on other hosts.
    """

    lab: str
    name: str
    run: str = ""
    since: float = 0.0
    worker: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return it as the bucket's value."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, value: bytes) -> Claim:
        """Read it again; ValueError or TypeError if it is none."""
        return cls(**json.loads(value))


async def read_claim(js: JetStreamContext) -> Claim | None:
    """Return the account's claim, if a lab has made one."""
    try:
        bucket = await js.key_value(CLAIM_BUCKET)
        value = (await bucket.get(_KEY)).value
    except (NotFoundError, KeyNotFoundError):
        return None
    try:
        return Claim.from_json(value or b"")
    except (ValueError, TypeError):
        raise NatsAccessError(
            "The account of NATS holds the streams of another version of labkit.",
            expected=f"a claim of a lab in the bucket {CLAIM_BUCKET}",
            seen=repr((value or b"")[:100]),
            next_step="use an account of its own for each lab",
        ) from None


async def make_claim(js: JetStreamContext, claim: Claim, replicas: int) -> StreamSettings:
    """Claim the account for a lab; return how its streams are created.

    With ``replicas`` 0 they are as many as those of an earlier claim, else 3
    on a cluster and 1 on a single server.

    Raises:
        NatsAccessError: It is another lab's, or holds streams of others that
            have the lab's names.
    """
    existing = await read_claim(js)
    if existing is None:
        _check_room(await js.account_info())
        if foreign := [one for one in await all_streams(js) if _is_ours(one)]:
            raise NatsAccessError(
                "The account of NATS holds streams with the lab's names that no lab has made.",
                expected="none of them",
                seen=", ".join(foreign[:10]),
                next_step="use an account of its own for the lab; or delete them, if nobody needs them",
            )
    elif existing.lab != claim.lab:
        raise taken(existing)
    bucket = await _ensure_claim_bucket(js, claim.lab, replicas)
    await _write(bucket, claim, is_new=existing is None)
    created = await stream_settings(js, claim)
    return StreamSettings(replicas or created.replicas, claim.lab)


def _check_room(account: api.AccountInfo) -> None:
    """Raise if an account's limits leave no room for a new lab's streams."""
    streams, room = account.limits.max_streams, account.limits.max_storage
    if 0 <= streams < account.streams + _STREAMS:
        raise NatsAccessError(
            "The account of NATS can hold too few streams.",
            expected=f"room for {_STREAMS} streams, and two for each further queue",
            seen=f"a limit of {streams}, of which {account.streams} are used",
            next_step="ask who runs NATS for a higher limit",
        )
    if 0 < room < account.storage + retention.RESERVED_BYTES:
        raise NatsAccessError(
            "The account of NATS has too little room.",
            expected=f"{retention.RESERVED_BYTES} bytes of files for results, events and dead letters",
            seen=f"a limit of {room} bytes, of which {account.storage} are used",
            next_step="ask who runs NATS for a higher limit",
        )


async def stream_settings(js: JetStreamContext, claim: Claim) -> StreamSettings:
    """Return how the claim's own stream was created."""
    info = await js.stream_info(f"KV_{CLAIM_BUCKET}")
    return StreamSettings(info.config.num_replicas or 1, claim.lab)


async def ask_running(client: Client) -> Claim | None:
    """Return the claim of the running lab of this account, if one answers."""
    try:
        return Claim.from_json((await client.request(CLAIM_SUBJECT, timeout=_ASK_SECONDS)).data)
    except (NatsError, OSError, ValueError, TypeError):  # nobody answers, or not a lab
        return None


async def _ensure_claim_bucket(js: JetStreamContext, lab: str, replicas: int) -> KeyValue:
    try:
        return await ensure_bucket(
            js, CLAIM_BUCKET, StreamSettings(replicas or CLUSTER_REPLICAS, lab), history=1
        )
    except NatsAccessError as error:
        cause = error.__cause__
        if replicas or not isinstance(cause, APIError) or cause.err_code != _NO_CLUSTER:
            raise
        return await ensure_bucket(js, CLAIM_BUCKET, StreamSettings(1, lab), history=1)


async def _write(bucket: KeyValue, claim: Claim, *, is_new: bool) -> None:
    if not is_new:
        await bucket.put(_KEY, claim.to_json())
        return
    try:
        await bucket.create(_KEY, claim.to_json())
    except APIError:  # another lab was faster
        raise taken(Claim.from_json((await bucket.get(_KEY)).value or b"")) from None


def taken(claim: Claim) -> NatsAccessError:
    """Return the error for an account that is another lab's."""
    return NatsAccessError(
        "The streams in this account of NATS belong to another lab.",
        expected="an account without a lab's streams, or with this lab's",
        seen=f"those of the lab {claim.name}",
        next_step="use an account of its own for each lab; or, if that lab is gone for good, "
        f"delete its streams: labkit reset --force --nats … --lab {claim.name}",
    )


async def delete_streams(js: JetStreamContext, lab: str, *, with_claim: bool) -> list[str]:
    """Delete a lab's streams, and no other's; return their names.

    The claim goes last, so that it still names the lab if that fails.
    """
    mine = [name for name, info in (await all_streams(js)).items() if _belongs(info, lab)]
    claim = f"KV_{CLAIM_BUCKET}"
    deleted = [name for name in mine if name != claim] + ([claim] if with_claim and claim in mine else [])
    for name in deleted:
        try:
            await js.delete_stream(name)
        except NotFoundError:
            continue
    return deleted


def contents(infos: Iterable[api.StreamInfo], lab: str) -> dict[str, int]:
    """Return how much of a lab is in the streams: streams, calls and so on."""
    found = {"streams": 0, "queued calls": 0, "dead letters": 0, "waiting callbacks": 0}
    for info in infos:
        if _belongs(info, lab):
            name = info.config.name or ""
            found["streams"] += 1
            found[_kind(name)] = found.get(_kind(name), 0) + info.state.messages
    return {kind: count for kind, count in found.items() if kind and (count or kind == "streams")}


def _kind(stream: str) -> str:
    if stream.startswith(STREAM_PREFIX):
        return "dead letters" if stream.endswith(DEAD_SUFFIX) else "queued calls"
    return {CALLBACK_STREAM: "waiting callbacks"}.get(stream, "")


def _belongs(info: api.StreamInfo, lab: str) -> bool:
    metadata: Mapping[str, Any] = info.config.metadata or {}
    return bool(lab) and metadata.get(LAB_MARK) == lab


def _is_ours(stream: str) -> bool:
    return stream in _NAMES or stream.startswith(STREAM_PREFIX)
