"""The slow proxy between queue-worker and gateway."""

from __future__ import annotations

import asyncio
import time

import pytest

from labkit.supervisor.slow_proxy import SlowProxy


@pytest.mark.anyio
async def test_the_slow_proxy_delays_each_way_and_limits_bandwidth() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    target = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = target.sockets[0].getsockname()[1]

    async def send(proxy: SlowProxy, body: bytes) -> float:
        address = (await proxy.start()).removeprefix("http://").split(":")
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(address[0], int(address[1]))
        writer.write(body)
        writer.write_eof()
        assert await reader.read() == body
        writer.close()
        await proxy.stop()
        return time.monotonic() - began

    url = f"http://127.0.0.1:{port}"
    late = await send(SlowProxy(url, delay=0.2, bandwidth=0.0), b"x" * 1_000_000)
    narrow = await send(SlowProxy(url, delay=0.0, bandwidth=100_000.0), b"x" * 50_000)
    target.close()

    assert 0.4 <= late < 2.0, "a delay does not limit the rate: 61 chunks one by one would take 24 s"
    assert narrow >= 0.5


@pytest.mark.anyio
async def test_the_slow_proxy_waits_for_an_unavailable_target() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    away = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = away.sockets[0].getsockname()[1]
    away.close()
    await away.wait_closed()
    proxy = SlowProxy(f"http://127.0.0.1:{port}", delay=0.0, bandwidth=0.0)
    address = (await proxy.start()).removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    await asyncio.sleep(0.2)
    back = await asyncio.start_server(hello, "127.0.0.1", port)

    assert await reader.read() == b"hello"
    writer.close()
    await proxy.stop()
    back.close()
