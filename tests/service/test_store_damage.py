"""Damaged files of JetStream: the lab starts, says what is lost, and keeps the damaged part."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from labs import deploy, functions, start_lab

from labkit import Lab
from labkit.errors import LabError, LabStartError
from labkit_services.contract.names import CALLBACK_STREAM

CALLS = 6
SETTINGS: dict[str, Any] = {"ack_wait": "2s", "max_inflight": 4}
OTHER_STREAMS = (CALLBACK_STREAM, "LAB_RESULTS", "LAB_EVENTS", "KV_cancelled", "OF_faas-request_dead")
QUEUE, OTHER = "OF_faas-request", "OF_other"


@dataclass
class Template:
    """The files of a lab that was stopped with unfinished calls in two queues."""

    folder: Path
    gate: Path
    ran: Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("damage")
    made = Template(folder / "lab", folder / "gate", folder / "ran")
    made.folder.mkdir()
    script = folder / "wait.sh"
    script.write_text(f"while [ ! -e {made.gate} ]; do sleep 0.05; done; tee -a {made.ran}\n")
    wait = f"sh {script}"
    with start_lab(made.folder, **SETTINGS) as lab:
        deploy(lab, "cat", wait)
        for number in range(CALLS):
            accepted(lab, "cat", f"first-{number}")
        request = {"service": "other", "image": "alpine", "envProcess": wait}
        request["annotations"] = {"com.openfaas.queue": "other"}  # type: ignore[assignment]
        lab_system(lab, request)
        for number in range(CALLS):
            accepted(lab, "other", f"other-{number}")
    return made


def lab_system(lab: Lab, request: object) -> None:
    from labs import authorization

    body = json.dumps(request).encode()
    headers = {"Authorization": authorization(lab.aio.state), "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{lab.gateway_url}/system/functions", body, headers), timeout=5
    ) as answer:
        assert answer.status < 300


def accepted(lab: Lab, function: str, body: str) -> None:
    url = f"{lab.gateway_url}/async-function/{function}"
    with urllib.request.urlopen(urllib.request.Request(url, f"{body}\n".encode()), timeout=5) as answer:
        assert answer.status == 202


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def scramble(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(max(64, path.stat().st_size)))


def as_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("not a folder")


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def as_link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def flip(path: Path, position: int, bits: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= bits
    path.write_bytes(content)


def changed(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | settings))


def block(stream: Path) -> Path:
    return max((stream / "msgs").glob("*.blk"))


def consumer(stream: Path) -> Path:
    (found,) = (stream / "obs").iterdir()
    return found


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


NEWER_STATE = b"\x16\x63" + bytes(9)
Damage = Callable[[Path], object]
LOSSES: dict[str, Damage] = {
    "a block cut in the middle": lambda q: cut(block(q), block(q).stat().st_size // 2),
    "a block cut within its last message": lambda q: cut(block(q), block(q).stat().st_size - 3),
    "an empty block": lambda q: cut(block(q), 0),
    "a missing block": lambda q: block(q).unlink(),
    "a block of zeros": lambda q: block(q).write_bytes(bytes(block(q).stat().st_size)),
    "a block of random bytes": lambda q: scramble(block(q)),
    "a block that is a folder": lambda q: as_folder(block(q)),
    "missing messages": lambda q: shutil.rmtree(q / "msgs"),
    "messages that are a file": lambda q: as_file(q / "msgs"),
    "an empty folder of a stream": emptied,
    "a missing folder of a stream": shutil.rmtree,
    "a stream that is a file": as_file,
}
HARMLESS: dict[str, Damage] = {
    "a random index": lambda q: scramble(q / "msgs/index.db"),
    "an index that is a folder": lambda q: as_folder(q / "msgs/index.db"),
    "random bytes in meta.inf": lambda q: scramble(q / "meta.inf"),
    "an empty meta.inf": lambda q: cut(q / "meta.inf", 0),
    "a list in meta.inf": lambda q: (q / "meta.inf").write_text("[]"),
    "null in meta.inf": lambda q: (q / "meta.inf").write_text("null"),
    "a deep list in meta.inf": lambda q: (q / "meta.inf").write_text("[" * 100_000),
    "another subject in meta.inf": lambda q: changed(q / "meta.inf", subjects=["x"]),
    "another storage in meta.inf": lambda q: changed(q / "meta.inf", storage="memory"),
    "another stream's meta.inf": lambda q: shutil.copy(q.parent / "LAB_EVENTS/meta.inf", q / "meta.inf"),
    "a missing meta.inf": lambda q: (q / "meta.inf").unlink(),
    "a meta.inf that is a folder": lambda q: as_folder(q / "meta.inf"),
    "random bytes in meta.sum": lambda q: scramble(q / "meta.sum"),
    "an empty meta.sum": lambda q: cut(q / "meta.sum", 0),
    "a missing meta.sum": lambda q: (q / "meta.sum").unlink(),
    "missing consumers": lambda q: shutil.rmtree(q / "obs"),
    "consumers that are a file": lambda q: as_file(q / "obs"),
    "an empty folder of a consumer": lambda q: emptied(consumer(q)),
    "a consumer that is a file": lambda q: as_file(consumer(q)),
    "a random consumer state": lambda q: scramble(consumer(q) / "o.dat"),
    "a consumer state that was cut": lambda q: cut(consumer(q) / "o.dat", 5),
    "a changed byte in a consumer's floor": lambda q: flip(consumer(q) / "o.dat", 2, 0x80),
    "a changed byte in a consumer's count": lambda q: flip(consumer(q) / "o.dat", 6, 0x80),
    "a changed byte in a consumer's pending calls": lambda q: flip(consumer(q) / "o.dat", 15, 0xFF),
    "a changed byte in a consumer's meta.inf": lambda q: flip(consumer(q) / "meta.inf", 130, 1),
    "an empty consumer state": lambda q: cut(consumer(q) / "o.dat", 0),
    "a consumer state of zeros": lambda q: (consumer(q) / "o.dat").write_bytes(bytes(40)),
    "a missing consumer state": lambda q: (consumer(q) / "o.dat").unlink(),
    "a consumer state that is a folder": lambda q: as_folder(consumer(q) / "o.dat"),
    "a consumer state of a newer version": lambda q: (consumer(q) / "o.dat").write_bytes(
        b"\x16\x63" + bytes(9)
    ),
    "random bytes in a consumer's meta.inf": lambda q: scramble(consumer(q) / "meta.inf"),
    "another name in a consumer's meta.inf": lambda q: changed(
        consumer(q) / "meta.inf", name="x", durable_name="x"
    ),
    "another subject in a consumer's meta.inf": lambda q: changed(
        consumer(q) / "meta.inf", filter_subject="x"
    ),
    "a consumer under another name": lambda q: consumer(q).rename(q / "obs/x"),
    "a copied consumer": lambda q: shutil.copytree(consumer(q), q / "obs/x"),
    "a pipe in place of an index": lambda q: as_pipe(q / "msgs/index.db"),
    "a pipe in place of a consumer state": lambda q: as_pipe(consumer(q) / "o.dat"),
    "a link in place of meta.inf": lambda q: as_link(q / "meta.inf", "/dev/zero"),
    "a consumer without meta.inf": lambda q: (consumer(q) / "meta.inf").unlink(),
    "random bytes in a consumer's meta.sum": lambda q: scramble(consumer(q) / "meta.sum"),
    "a consumer without meta.sum": lambda q: (consumer(q) / "meta.sum").unlink(),
    "files that nobody may read": lambda q: [path.chmod(0) for path in (*q.rglob("*"), q)],
}
BESIDE: dict[str, Damage] = {
    "a file beside the streams": lambda streams: (streams / ".DS_Store").write_text("x"),
    "an empty folder beside the streams": lambda streams: (streams / "a b").mkdir(),
    "a copy of a stream": lambda streams: shutil.copytree(streams / QUEUE, streams / f"{QUEUE}-copy"),
    "a copy of a stream with a dot": lambda streams: shutil.copytree(
        streams / QUEUE, streams / f"{QUEUE}.bak"
    ),
    "a list as the record": lambda streams: record(streams).write_text("[1]"),
    "an old record": lambda streams: record(streams).write_text('{"OF_q": {"kept": 1, "last": 1}}'),
    "a folder in place of the record": lambda streams: as_folder(record(streams)),
    "a pipe in place of the record": lambda streams: as_pipe(record(streams)),
    "a link in place of the record": lambda streams: as_link(record(streams), "/dev/zero"),
}
ABOVE: dict[str, Damage] = {
    "the folder of all streams": lambda store: as_file(store / "jetstream/$G/streams"),
    "the folder of the account": lambda store: as_file(store / "jetstream/$G"),
    "JetStream's folder": lambda store: as_file(store / "jetstream"),
    "the store itself": as_file,
}


def damaged(template: Template, workspace: Path, stream: str, damage: Damage) -> None:
    """Copy the template's lab into a workspace, and damage a stream there."""
    shutil.copytree(template.folder / ".labkit", workspace / ".labkit")
    template.ran.write_text("")
    template.gate.touch()
    store = workspace / ".labkit/jetstream"
    damage(store / "jetstream/$G/streams" / stream if stream else store)


def runs(template: Template, prefix: str) -> set[str]:
    return {line for line in template.ran.read_text().split() if line.startswith(prefix)}


def all_ran(template: Template, prefix: str) -> bool:
    return runs(template, prefix) == {f"{prefix}-{number}" for number in range(CALLS)}


@pytest.mark.parametrize("name", LOSSES)
def test_a_damaged_queue_is_set_aside_and_its_lost_calls_are_counted(
    template: Template, workspace: Path, name: str
) -> None:
    damaged(template, workspace, QUEUE, LOSSES[name])
    with start_lab(workspace, **SETTINGS) as lab:
        eventually(lambda: all_ran(template, "other"), within=12)
        text = str(lab.status())
        lost = next(number for number in range(1, CALLS + 1) if f"{number} of {CALLS} calls in queue" in text)
        eventually(lambda: len(runs(template, "first")) == CALLS - lost, within=12)

        assert "Damaged store: " in text
        assert "damaged store: " in lab.logs("supervisor")
        lab.invoke_async("cat", "first-new\n").wait(20)


@pytest.mark.parametrize("stream", [QUEUE, OTHER])
@pytest.mark.parametrize("name", HARMLESS)
def test_damage_beside_the_messages_loses_no_call(
    template: Template, workspace: Path, name: str, stream: str
) -> None:
    damaged(template, workspace, stream, HARMLESS[name])
    with start_lab(workspace, **SETTINGS) as lab:
        eventually(lambda: all_ran(template, "first") and all_ran(template, "other"), within=12)

        assert "lost" not in " ".join(lab.status().damage).replace("no call is lost", "")


def record(streams: Path) -> Path:
    return streams.parents[2] / "inventory.json"


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_not_jetstreams_keeps_no_call_from_running(
    template: Template, workspace: Path, name: str
) -> None:
    damaged(template, workspace, "", lambda store: BESIDE[name](store / "jetstream/$G/streams"))
    with start_lab(workspace, **SETTINGS) as lab:
        eventually(lambda: all_ran(template, "first") and all_ran(template, "other"), within=12)
        assert "lost" not in " ".join(lab.status().damage)
        assert sorted(queue.name for queue in lab.queues()) == ["faas-request", "other"]


@pytest.mark.parametrize("damage", [lambda path: cut(path, 0), scramble], ids=["empty", "random"])
def test_damage_of_every_file_of_the_store_is_counted(
    template: Template, workspace: Path, damage: Damage
) -> None:
    def every_file(store: Path) -> None:
        for path in (store / "jetstream").rglob("*"):
            if path.is_file():
                damage(path)

    damaged(template, workspace, "", every_file)
    with start_lab(workspace, **SETTINGS) as lab:
        text = " ".join(lab.status().damage)
        for queue in ("faas-request", "other"):
            assert f"{CALLS} of {CALLS} calls in queue {queue}" in text
        assert "2 of 2 deployed functions" in text
        deploy(lab, "echo")
        lab.invoke_async("echo", "again").wait(20)


def test_without_a_record_a_damaged_queue_still_runs(template: Template, workspace: Path) -> None:
    def damage(queue: Path) -> None:
        record(queue.parent).unlink()
        (queue / "meta.inf").write_text("[]")

    damaged(template, workspace, QUEUE, damage)
    with start_lab(workspace, **SETTINGS):
        eventually(lambda: all_ran(template, "first") and all_ran(template, "other"), within=12)


@pytest.mark.parametrize("name", ABOVE)
def test_a_file_in_place_of_the_store_is_set_aside(template: Template, workspace: Path, name: str) -> None:
    damaged(template, workspace, "", ABOVE[name])
    with start_lab(workspace) as lab:
        assert "is not a folder" in " ".join(lab.status().damage)
        (aside,) = (workspace / ".labkit").glob("jetstream.damaged-*")
        kept = [aside] if aside.is_file() else [path for path in aside.rglob("*") if path.is_file()]
        assert [path.read_text() for path in kept] == ["not a folder"]
        deploy(lab, "echo")
        lab.invoke_async("echo", "again").wait(20)


def test_a_damaged_block_is_kept_as_it_was(template: Template, workspace: Path) -> None:
    damaged(template, workspace, QUEUE, LOSSES["a block of random bytes"])
    before = block(workspace / ".labkit/jetstream/jetstream/$G/streams" / QUEUE).read_bytes()
    start_lab(workspace).stop()
    (kept,) = (workspace / ".labkit").glob("jetstream.damaged-*/**/*.blk")
    assert kept.read_bytes() == before


@pytest.mark.parametrize("name", [name for name in LOSSES | HARMLESS if "consumer" not in name])
def test_damage_of_the_functions_bucket_is_named_or_harmless(
    template: Template, workspace: Path, name: str
) -> None:
    damaged(template, workspace, "KV_functions", (LOSSES | HARMLESS)[name])
    with start_lab(workspace) as lab:
        if name in HARMLESS:
            assert functions(lab) == ["cat", "other"]
            assert "lost" not in " ".join(lab.status().damage)
        else:
            assert "of 2 deployed functions" in " ".join(lab.status().damage)
        deploy(lab, "again")


@pytest.mark.parametrize(
    "stream", [CALLBACK_STREAM, "LAB_RESULTS", "LAB_EVENTS", "KV_cancelled", f"{QUEUE}_dead"]
)
@pytest.mark.parametrize("name", ["a block of random bytes", "a missing meta.inf", "a stream that is a file"])
def test_damage_of_any_other_stream_does_not_keep_the_lab_from_starting(
    template: Template, workspace: Path, name: str, stream: str
) -> None:
    damaged(template, workspace, stream, (LOSSES | HARMLESS)[name])
    with start_lab(workspace, **SETTINGS):
        eventually(lambda: all_ran(template, "first") and all_ran(template, "other"), within=12)


def test_start_and_labkit_up_say_what_is_lost(template: Template, workspace: Path) -> None:
    damaged(template, workspace, QUEUE, LOSSES["a missing block"])
    up = labkit(workspace, "up", "--gateway-port", "0", "--inspector-port", "0")
    labkit(workspace, "down")
    assert f"damaged store: {CALLS} of {CALLS} calls in queue faas-request" in up.stderr

    shutil.rmtree(workspace / ".labkit")
    damaged(template, workspace, QUEUE, LOSSES["a missing block"])
    with (
        pytest.warns(UserWarning, match=f"{CALLS} of {CALLS} calls in queue faas-request"),
        Lab.start(workspace, gateway_port=0, inspector_port=0),
    ):
        pass


def test_a_healthy_store_has_no_damage(template: Template, workspace: Path) -> None:
    damaged(template, workspace, "", lambda _: None)
    with start_lab(workspace, **SETTINGS) as lab:
        eventually(lambda: all_ran(template, "first") and all_ran(template, "other"), within=12)
        assert lab.status().damage == ()
        lab.reset()
        lab.kill("nats-server")
        eventually(lambda: lab.status().state == "ready")
        assert lab.status().damage == ()
    with start_lab(workspace) as lab:
        assert lab.status().damage == ()
    assert not list((workspace / ".labkit").glob("*damaged*"))


def labkit(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labkit.cli.main", "-w", str(workspace), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_lab_that_cannot_start_names_reset_force_which_empties_it(workspace: Path, tmp_path: Path) -> None:
    start_lab(workspace).stop()
    broken = tmp_path / "nats-server"
    broken.write_text("#!/bin/sh\nexit 7\n")
    broken.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_NATS_SERVER", str(broken))
        with pytest.raises(LabStartError, match="labkit reset --force"):
            start_lab(workspace)
    assert labkit(workspace, "reset").returncode == 1
    done = labkit(workspace, "reset", "--force")

    assert (done.returncode, done.stderr) == (0, "")
    assert not (workspace / ".labkit/jetstream").exists()
    start_lab(workspace).stop()


def test_reset_force_ends_a_lab_that_hangs(workspace: Path) -> None:
    import os
    import signal

    lab = start_lab(workspace)
    deploy(lab, "cat")
    os.kill(lab.aio.state.pid, signal.SIGSTOP)
    done = labkit(workspace, "reset", "--force")

    assert done.returncode == 0, done.stderr
    lab.stop()
    with start_lab(workspace) as again:
        assert functions(again) == []


def test_reset_force_works_without_any_lab(workspace: Path) -> None:
    assert labkit(workspace, "reset", "--force").returncode == 0


@pytest.mark.parametrize(("name", "kind"), [("lock", "folder"), ("lock", "link"), ("state.json", "folder")])
def test_reset_force_clears_what_is_in_the_way(workspace: Path, name: str, kind: str) -> None:
    (workspace / ".labkit").mkdir(mode=0o700)
    if kind == "folder":
        (workspace / ".labkit" / name).mkdir()
    else:
        (workspace / "elsewhere").write_text("not ours")
        (workspace / ".labkit" / name).symlink_to("../elsewhere")
    with pytest.raises(LabError):
        start_lab(workspace)
    assert labkit(workspace, "reset", "--force").returncode == 0
    start_lab(workspace).stop()
    assert kind == "folder" or (workspace / "elsewhere").read_text() == "not ours"
