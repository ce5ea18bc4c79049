"""What services store in JetStream, on a real nats-server."""

from __future__ import annotations

import shutil

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from labkit import Lab
from labkit_services.jetstream.streams import bucket_keys


@pytest.mark.anyio
async def test_all_keys_of_a_bucket_are_listed(lab: Lab) -> None:
    """An empty list must mean an empty bucket, or a gateway would take it that there are no functions."""
    client = Client()
    await client.connect(lab._core.state.nats_url, token=lab._core.state.nats_token)
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
async def test_the_limit_of_a_stream_may_exceed_the_free_disk_space(lab: Lab) -> None:
    """If nats-server required the limits to be free on disk, few labs would start."""
    client = Client()
    await client.connect(lab._core.state.nats_url, token=lab._core.state.nats_token)
    js = client.jetstream()
    free = shutil.disk_usage(lab.workspace).free
    try:
        await js.add_stream(name="large", subjects=["large"], max_bytes=2 * free)
        await js.delete_stream("large")
    finally:
        await client.close()
