"""Resource limits of a function's processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from watchdogs import script, watchdog

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prlimit is Linux's")

# In a script: the path of this Python may hold a space, at which an ``fprocess`` is split.
GREEDY = f"exec '{sys.executable}' -c 'x = bytearray(64 << 20); print(len(x))'"


@LINUX
@pytest.mark.parametrize("fprocess", ["env", "sha512sum"])
def test_small_programs_run_with_the_memory_of_a_small_container(tmp_path: Path, fprocess: str) -> None:
    with watchdog(tmp_path, fprocess=fprocess, limits_memory="5Mi", limits_cpu="100m") as running:
        answer = running.call()
        assert (answer.status, bool(answer.body)) == (200, True)
        assert b"limits_" not in answer.body
        assert running.logged("limits.memory: 5Mi: each process of the function may allocate 5242880 bytes")
        assert running.logged("limits.cpu: 100m is not enforced by processes.")


@LINUX
@pytest.mark.parametrize("mode", ["classic", "streaming"])
def test_a_process_gets_no_more_memory_than_its_limit(tmp_path: Path, mode: str) -> None:
    greedy = script(tmp_path, GREEDY)
    with watchdog(tmp_path, fprocess=greedy, mode=mode, limits_memory="32Mi") as running:
        assert b"67108864" not in running.call().body
        assert running.events("process.exited")[0][3]["code"] == 1
    with watchdog(tmp_path, fprocess=greedy, mode=mode, limits_memory="256M") as running:
        assert running.call().body == b"67108864\n"


@LINUX
def test_a_limit_below_the_minimum_is_raised_to_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    function = script(tmp_path, 'echo begun; read line < "$TMPDIR/gate"; cat /proc/self/limits')
    with (
        watchdog(tmp_path, fprocess=function, limits_memory="1", mode="streaming") as running,
        running.open() as answer,
    ):
        running.logged("each process of the function may allocate 2097152 bytes (the least")
        running.events("process.started")  # by then it is limited
        (tmp_path / "gate").write_text("go\n")
        lines = answer.read().decode().splitlines()

    assert next(line for line in lines if "data size" in line).split()[3:5] == ["2097152"] * 2


@LINUX
def test_the_watchdog_itself_is_not_limited(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat", limits_memory="2Mi") as running:
        own = Path(f"/proc/{running.pid}/limits").read_text()
        assert running.call(body=b"x" * 8_000_000).status == 200

    assert "2097152" not in own


def test_without_limits_nothing_is_set_or_logged(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        running.logged("Listening")
        assert not [line for line in running.log.wait_for(lambda _: True) if "limits." in line]


def test_an_environment_too_large_for_the_system_is_a_500_that_says_so(tmp_path: Path) -> None:
    settings = {f"FILLER_{number}": "x" * 120_000 for number in range(17)}
    with watchdog(tmp_path, fprocess="cat", **settings) as running:
        assert running.call(body=b"small").status == 200
        answer = running.call(headers={f"X-Long-{number}": "y" * 30_000 for number in range(2)})
        assert answer.status == 500
        assert answer.body.endswith(b"/cat: argument list too long\n")
        assert running.call(body=b"again").body == b"again"
