"""The inspector's history: it survives restart and kill, and stays within its limits."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from eventually import eventually, eventually_async
from inspectors import Inspector, inspector
from received_requests import received_request
from small_disk import skip_reason, small_disk

from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage.bin_store import BinStore, StoreLimits
from labkit_services.inspector.storage.store_upkeep import StoreUpkeep

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024
CAPTURED = 100_000
MOST_RSS = 80_000_000
MOST_MS = 50.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inspector" / "inspector.sqlite3"


def kill(running: Inspector) -> None:
    running.stopped = True
    running.process.kill()
    running.process.wait()


def has(answered: list[str], count: int) -> bool:
    return len(answered) >= count


def ids(running: Inspector, name: str) -> list[str]:
    """Return the ids of a bin's requests, the oldest first."""
    found: list[str] = []
    after = ""
    while after is not None:
        page = running.get(f"/bins/{name}/requests", order="oldest", limit=500, after=after, bodies="false")
        found += [request["id"] for request in page["requests"]]
        after = page["next"]
    return found


# -- it survives


def test_a_restart_keeps_bins_settings_and_requests_and_continues_the_numbering(path: Path) -> None:
    with inspector(history=str(path)) as running:
        running.api.put("/api/v1/bins/kept", json={"capacity": 7, "answer": 503})
        sent = running.api.post("/r/kept/sub?x=1", content=b"a\x00\xff", headers={"X-Call-Id": "ab12"})
        before = running.get("/bins/kept/requests/latest")
        bin_before = running.get("/bins/kept")
    with inspector(history=str(path)) as running:
        bin_after = running.get("/bins/kept")
        after = running.get("/bins/kept/requests/latest")
        running.api.post("/r/kept")
        newest = running.get("/bins/kept/requests/latest")

    assert sent.status_code == 503
    port = "127.0.0.1:"
    assert after == before
    assert (after["response"]["status"], after["openfaas"]["call_id"]) == (503, "ab12")
    changed = {name for name, value in bin_after.items() if value != bin_before[name]}
    assert all(port in str(bin_after[name]) for name in changed), changed
    assert newest["seq"] == 2
    assert newest["id"] > before["id"]


def test_the_files_are_private(path: Path) -> None:
    with inspector(history=str(path)) as running:
        running.api.post("/r/a")
        modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    assert "inspector.sqlite3" in modes
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_kill_loses_no_request_that_was_answered(path: Path) -> None:
    for _ in range(3):  # a crash loop
        answered: list[str] = []
        with inspector(history=str(path), bin_capacity="100000") as running:
            url = f"{running.url}/r/killed"

            async def send(url: str = url, answered: list[str] = answered) -> None:
                async with httpx.AsyncClient(trust_env=False) as client:
                    with contextlib.suppress(httpx.HTTPError):
                        while True:
                            response = await client.post(url, content=b"x" * 300)
                            answered.append(response.json()["id"])

            sending = [asyncio.create_task(send()) for _ in range(16)]
            await eventually_async(partial(has, answered, 150))
            kill(running)
            await asyncio.gather(*sending)

        with inspector(history=str(path), bin_capacity="100000") as again:
            kept = ids(again, "killed")
            numbers = [
                request["seq"] for request in again.get("/bins/killed/requests", limit=500)["requests"]
            ]
        assert len(answered) > 100
        assert set(answered) <= set(kept)
        assert kept == sorted(kept)
        assert numbers == sorted(set(numbers), reverse=True)


async def test_an_exchange_that_was_open_at_a_kill_is_shown_as_cut(path: Path) -> None:
    with inspector(history=str(path)) as running:
        running.api.put("/api/v1/bins/held")
        held = running.api.put("/api/v1/bins/held/hold", json={"enabled": True, "timeout": "50s"})
        assert held.status_code == 204, held.text
        wire = await running.connect()
        wire.send(b"POST /r/held HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\nx")
        await asyncio.to_thread(eventually, lambda: running.get("/bins/held/requests")["count"] == 1)
        assert running.get("/bins/held/requests/latest")["response"] is None
        await asyncio.sleep(0.1)
        kill(running)
        await wire.close()
    with inspector(history=str(path)) as running:
        response = running.get("/bins/held/requests/latest")["response"]
        assert running.get("/bins/held/hold")["enabled"] is True
    assert (response["status"], response["rule"]) == (0, "cut")


def test_event_numbers_continue_after_a_restart(path: Path) -> None:
    def first_number(running: Inspector) -> int:
        with running.api.stream("GET", "/api/v1/events") as response:
            for line in response.iter_lines():
                if line.startswith("id:"):
                    return int(line.partition(":")[2])
        raise AssertionError

    with inspector(history=str(path)) as running:
        for _ in range(5):
            running.api.post("/r/a")
        before = first_number(running)
    with inspector(history=str(path)) as running:
        assert first_number(running) >= before > 5


# -- damage


@pytest.mark.parametrize("damage", ["garbage", "empty header", "cut", "holes"])
def test_a_damaged_file_is_set_aside_with_one_log_line(path: Path, damage: str) -> None:
    with inspector(history=str(path)) as running:
        for number in range(300):
            running.api.post("/r/a", content=b"%d" % number * 50)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    path.write_bytes(
        {
            "garbage": b"no database\n" * 1000,
            "empty header": bytes(100) + data[100:],
            "cut": data[: len(data) // 2],
            "holes": data[:4096] + bytes(len(data) - 4096),
        }[damage]
    )
    with inspector(history=str(path)) as running:
        assert running.get("/bins")["bins"] == []
        assert running.api.post("/r/new").status_code == 200
        assert running.get("/bins/new/requests")["count"] == 1
        lines = [line for line in running.log if "set aside" in line]
    assert len(lines) == 1, lines
    (aside,) = path.parent.glob("inspector.sqlite3.damaged-*")
    assert str(aside) in lines[0]


def test_damage_that_a_running_inspector_meets_is_set_aside_without_a_traceback(path: Path) -> None:
    with inspector(history=str(path), bin_capacity="5000") as running:
        for number in range(500):
            running.api.post("/r/a", content=b"%d" % number * 300)
    # The tables' roots and the indexes, which a start reads, stay as they are.
    db = sqlite3.connect(path)
    if not _has_dbstat(db):
        pytest.skip("SQLite has no dbstat")
    sql = "SELECT pageno FROM dbstat WHERE name = 'requests' AND pagetype = 'leaf' ORDER BY path"
    pages = [row[0] for row in db.execute(sql)]
    db.close()
    with path.open("r+b") as file:
        for page in pages[5:]:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
    with inspector(history=str(path), bin_capacity="5000") as running:
        assert running.get("/bins/a")["count"] == 500
        response = running.api.get("/api/v1/bins/a/requests", params={"q": "777777", "bodies": "false"})
        assert response.status_code == 507
        assert "history" in response.json()["error"] or "save" in response.json()["error"]
        assert running.api.post("/r/a").status_code == 200
        assert [each["seq"] for each in running.get("/bins/a/requests")["requests"]] == [501]
        assert len([line for line in running.log if "set aside" in line]) == 1
    assert len(list(path.parent.glob("inspector.sqlite3.damaged-*"))) >= 1


def _has_dbstat(db: sqlite3.Connection) -> bool:
    try:
        db.execute("SELECT 1 FROM dbstat LIMIT 1")
    except sqlite3.Error:
        return False
    return True


def test_a_file_of_a_newer_version_is_set_aside(path: Path) -> None:
    with inspector(history=str(path)) as running:
        running.api.post("/r/a")
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with inspector(history=str(path)) as running:
        assert running.get("/bins")["bins"] == []
        assert any("newer" in line for line in running.log)
    assert len(list(path.parent.glob("inspector.sqlite3.newer-*"))) == 1


def test_a_link_in_place_of_the_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    target = tmp_path / "target"
    path.symlink_to(target)
    with pytest.raises(AssertionError, match="symbolic link"), inspector(history=str(path)):
        pass
    assert not target.exists()


# -- no room, no lock


@pytest.mark.skipif(bool(skip_reason()), reason=skip_reason())
def test_a_full_disk_is_answered_with_507_until_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4m") as disk:
        file = disk.folder / "inspector" / "inspector.sqlite3"
        with inspector(history=str(file)) as running:
            assert running.api.post("/r/a", content=b"first").status_code == 200
            disk.fill()
            refused = [running.api.post("/r/a", content=os.urandom(100_000)) for _ in range(5)]
            assert refused[-1].status_code == 507
            assert refused[-1].json().keys() == {"error", "expected", "seen", "next"}
            saved = sum(response.status_code == 200 for response in refused)
            assert running.get("/bins/a")["count"] == 1 + saved
            disk.free()
            assert running.api.post("/r/a", content=b"last").status_code == 200
            assert running.get("/bins/a/requests/latest")["body"] == "last"
            assert running.get("/bins/a")["count"] == 2 + saved
        with inspector(history=str(file)) as running:
            assert running.get("/bins/a/requests")["total"] == 2 + saved


def test_a_locked_file_delays_a_capture_and_then_refuses_it(path: Path) -> None:
    with inspector(history=str(path)) as running:
        running.api.post("/r/a")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        refused = running.api.post("/r/a")
        assert 1.5 < time.monotonic() - begun < 10
        assert (refused.status_code, "locked" in refused.json()["seen"]) == (507, True)
        assert running.get("/bins/a")["count"] == 1
        other.execute("ROLLBACK")
        other.close()
        assert running.api.post("/r/a").status_code == 200
        assert running.get("/bins/a/requests")["count"] == 2


# -- limits


def test_the_file_stays_within_its_limit_and_says_how_many_were_dropped(path: Path) -> None:
    limit = 3 * MEGABYTE
    with inspector(history=str(path), max_bytes=str(limit), bin_capacity="100000") as running:
        for number in range(600):
            running.api.post(f"/r/b{number % 3}", content=os.urandom(30_000))
        bins = running.get("/bins")["bins"]
        first = running.get("/bins/b0/requests/first")
        running.api.patch(f"/api/v1/bins/b0/requests/{first['id']}", json={"pinned": True})
        for _ in range(300):
            running.api.post("/r/b0", content=os.urandom(30_000))
        assert running.get("/bins/b0/requests/first")["id"] == first["id"]
        sizes = {found.name: found.stat().st_size for found in path.parent.iterdir()}
    assert sum(each["count"] for each in bins) > 60
    assert sum(each["count"] + each["dropped"] for each in bins) == 600
    assert sizes["inspector.sqlite3"] < 1.3 * limit, sizes
    assert sizes["inspector.sqlite3-wal"] < 18 * MEGABYTE, sizes


async def test_200_concurrent_captures_keep_the_order_of_seq(path: Path) -> None:
    with inspector(history=str(path)) as running:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=20) as client:
            responses = await asyncio.gather(*(client.post(f"{running.url}/r/many") for _ in range(200)))
        assert {response.status_code for response in responses} == {200}
        requests = running.get("/bins/many/requests", limit=500, order="oldest")["requests"]
        assert [request["seq"] for request in requests] == list(range(1, 201))
        assert [request["id"] for request in requests] == sorted(request["id"] for request in requests)


async def test_a_body_of_a_gigabyte_is_hashed_in_flat_memory(path: Path) -> None:
    size, part = 1024 * MEGABYTE, random.Random(1).randbytes(MEGABYTE)
    with inspector(history=str(path)) as running:
        process = psutil.Process(running.process.pid)
        running.api.post("/r/big", content=part)
        before, most = process.memory_info().rss, 0
        wire = await running.connect()
        wire.send(f"POST /r/big HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode())
        sha256 = hashlib.sha256()
        for _ in range(size // MEGABYTE):
            wire.send(part)
            await wire.drain()
            sha256.update(part)
            most = max(most, process.memory_info().rss)
        response = await wire.response("POST")
        await wire.close()
        record = running.get("/bins/big/requests/latest")
    assert response.status == 200
    assert (record["content_length"], record["truncated"]) == (size, True)
    assert record["body_sha256"] == sha256.hexdigest()
    assert most - before < 16 * MEGABYTE, (before, most)


# -- a hundred thousand requests


def fill(path: Path, bins: int) -> None:
    """Store requests as callbacks have them, with the search index."""

    async def add() -> None:
        store = BinStore(StoreLimits(capacity=CAPTURED // bins), path)
        upkeep = asyncio.create_task(StoreUpkeep(store).run())
        numbers = random.Random(1)
        for number in range(CAPTURED):
            headers = (
                *(("Host", "127.0.0.1:8090"), ("User-Agent", "labkit"), ("Content-Type", "application/json")),
                ("X-Call-Id", f"{numbers.getrandbits(128):032x}"),
                ("X-Function-Name", "figlet" if number % 10 else "cat"),
                ("X-Function-Status", "200" if number % 7 else "500"),
            )
            body = json.dumps({"number": number, "text": "later is better", "word": numbers.getrandbits(60)})
            method = "POST" if number % 5 else "PUT"
            request = received_request(headers=headers, body=body.encode(), method=method)
            record, _ = store.add(f"bin-{number % bins}", request)
            store.answered(
                record.id, SentResponse(200, (("Content-Type", "application/json"),), b'{"ok":true}')
            )
            if number % 64 == 0:
                await store.saved()
        await eventually_async(lambda: store.unindexed == 0)
        upkeep.cancel()
        store.close()

    asyncio.run(add())


def cpu_seconds(running: Inspector) -> float:
    times = psutil.Process(running.process.pid).cpu_times()
    return float(times.user + times.system)


QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"method": "PUT"},
    {"status": 200},
    {"status": 503},
    {"function": "cat"},
    {"function": "cat", "status": 200, "method": "PUT"},
    {"function_status": 500},
    {"call_id": "nowhere"},
    {"q": "later is better"},
    {"q": "later is better", "method": "PUT"},
    {"q": "77777"},
    {"q": "nowhere at all"},
    *({"q": q, "in": place} for q in ("json", "nowhere") for place in ("any", "body", "query", "headers")),
)


@pytest.mark.parametrize("bins", [1, 200])
def test_100_000_requests_take_little_memory_and_lists_and_searches_are_fast(
    path: Path, bins: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(path, bins)
    capacity = CAPTURED // bins
    lines = []
    with inspector(history=str(path), bin_capacity=str(capacity)) as running:
        assert sum(each["count"] for each in running.get("/bins")["bins"]) == CAPTURED
        slowest = 0.0
        for query in QUERIES:
            times, begun_cpu = [], cpu_seconds(running)
            for _ in range(10):
                begun = time.perf_counter()
                page = running.get("/bins/bin-0/requests", **query)
                times.append((time.perf_counter() - begun) * 1000)
            cpu = (cpu_seconds(running) - begun_cpu) * 1000 / len(times)
            lines.append(f"{min(times):6.1f} ms, {page['total']:7,} match {query or 'the newest 50'}")
            slowest = max(slowest, min(*times, cpu))  # the CPU time if other work kept it waiting
        rss = psutil.Process(running.process.pid).memory_info().rss
    with capsys.disabled():
        print(f"\n{bins} bins x {capacity:,}: RSS {rss / 1e6:.0f} MB", *lines, sep="\n  ")
    assert rss < MOST_RSS
    assert slowest < MOST_MS
