"""What services keep in JetStream, asked of a real nats-server."""

from __future__ import annotations

import shutil

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from labkit import Lab
from labkit_services.jetstream.streams import bucket_keys


@pytest.mark.anyio
async def test_a_bucket_tells_all_its_keys(lab: Lab) -> None:
    """An empty answer must mean an empty bucket: a gateway would believe that it has no functions."""
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    js = client.jetstream()
    bucket = await js.create_key_value(bucket="keys", history=1)
    try:
        assert await bucket_keys(js, "keys") == []
        names = {f"function-{number}.openfaas-fn" for number in range(300)}
        for name in names:
            await bucket.put(name, b"{}")

        assert set(await bucket_keys(js, "keys")) == names

        with pytest.raises(NotFoundError):
            await bucket_keys(js, "no-such")
    finally:
        await js.delete_key_value("keys")
        await client.close()


@pytest.mark.anyio
async def test_a_stream_may_be_larger_than_the_disk_is_empty(lab: Lab) -> None:
    """What a stream may hold at most must not have to be free on the disk, or few labs would start."""
    client = Client()
    await client.connect(lab.aio.state.nats_url, token=lab.aio.state.nats_token)
    js = client.jetstream()
    free = shutil.disk_usage(lab.workspace).free
    try:
        await js.add_stream(name="large", subjects=["large"], max_bytes=2 * free)
        await js.delete_stream("large")
    finally:
        await client.close()
