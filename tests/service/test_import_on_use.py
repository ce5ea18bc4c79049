"""What is left out of a library's import works all the same, when it is used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.supervisor.nats_server import find_nats_server
from labkit_services.runtime.held_port import reserve_port

SECONDS = 20


def run(code: str, *arguments: str) -> str:
    """Run code in a Python of its own; return what it prints."""
    command = [sys.executable, "-P", "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


IMPORTED = """
import sys
from labkit_services.runtime.import_on_use import import_nats
from labkit.clients.http_client import import_httpx
import_nats()
import_httpx()
print({"aiohttp", "rich", "click"} & sys.modules.keys() or "none")
"""


def test_clients_are_imported_without_what_only_others_need() -> None:
    assert run(IMPORTED).strip() == "none"


def test_a_library_imported_later_is_the_real_one() -> None:
    code = IMPORTED + "import aiohttp, nats.aio.transport as transport\n"
    code += "print(transport.aiohttp.ClientSession is aiohttp.ClientSession, transport.aiohttp is aiohttp)"

    assert run(code).splitlines()[1:] == ["True False"]


def test_the_command_line_of_httpx_can_still_be_called() -> None:
    assert "Usage: httpx <URL>" in run(IMPORTED + "import httpx; httpx.main(['--help'])")


MISSING = """
from labkit_services.runtime.import_on_use import imported_on_use
with imported_on_use("no_such_module"):
    try:
        import no_such_module
    except ImportError as error:
        print(error)
"""


def test_a_module_that_is_not_installed_cannot_be_imported() -> None:
    assert run(MISSING).strip() == "No module named 'no_such_module'"


WITHIN = """
from labkit_services.runtime.import_on_use import imported_on_use
with imported_on_use("html.parser"), imported_on_use("wave"):
    from html.parser import HTMLParser
    from wave import open
print(HTMLParser.__module__, open.__module__)
"""


def test_another_import_within_the_block_gets_what_it_asks_for() -> None:
    assert run(WITHIN).split() == ["html.parser", "wave"]


WEBSOCKET = """
import asyncio, sys
from labkit_services.runtime.import_on_use import import_nats
import_nats()
import nats

async def main():
    assert "aiohttp" not in sys.modules
    client = await nats.connect(sys.argv[1])
    await client.flush()
    print(client.connected_url.scheme, "aiohttp" in sys.modules)
    await client.close()

asyncio.run(main())
"""


def test_nats_is_reached_by_websocket(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    port, holder = reserve_port()
    config = {"listen": "127.0.0.1:-1", "websocket": {"host": "127.0.0.1", "port": port, "no_tls": True}}
    (tmp_path / "nats.conf").write_text(json.dumps(config))
    (tmp_path / "log").touch()
    command = [find_nats_server({}), "-c", str(tmp_path / "nats.conf"), "-l", str(tmp_path / "log")]
    server = subprocess.Popen(command)  # it may listen on a port that is only reserved
    try:
        deadline = time.monotonic() + SECONDS
        while "Server is ready" not in (tmp_path / "log").read_text():
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.02)

        assert run(WEBSOCKET, f"ws://127.0.0.1:{port}").split() == ["ws", "True"]
    finally:
        server.kill()
        server.wait()
        if holder:
            holder.close()
