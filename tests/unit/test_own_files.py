"""Another user's .labkit, and links and odd files inside one, are refused."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.errors import WorkspaceError
from labkit.lifecycle.log_files import follow, log_path
from labkit.supervisor.files import LogFile, log_to, prepare_folder
from labkit.workspace import LabState, Workspace
from labkit_services.contract.errors import UnsafePathError
from labkit_services.files.own_file import make_own_folder, open_own, read_own
from labkit_services.images.store import Image, ImageStore
from labkit_services.runtime.log_tail import tail
from labkit_services.runtime.private_files import write_private

OTHER_USER = 65534
STATE = LabState(1, "run", "http://127.0.0.1:1", "", "", "", "", "admin", "secret", "", "", 0)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "work")
    found.root.mkdir()
    return found


def give_away(path: Path) -> None:
    os.chown(path, OTHER_USER, OTHER_USER, follow_symlinks=False)


def make_link(path: Path) -> None:
    path.symlink_to(victim_of(path))


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def make_hard_link(path: Path) -> None:
    path.hardlink_to(victim_of(path))


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        # Its whole path is too long for a socket.
        here = os.getcwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def make_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root can make a device")


def victim_of(path: Path) -> Path:
    victim = path.parent / "victim"
    victim.write_text("precious")
    victim.chmod(0o600)
    return victim


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "a symbolic link": make_link,
    "a symbolic link to nothing": make_dangling_link,
    "a hard link": make_hard_link,
    "a named pipe": make_pipe,
    "a socket": make_socket,
    "a device": make_device,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", ODD_FILES)
@pytest.mark.parametrize(
    "flags", [os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_WRONLY | os.O_CREAT | os.O_TRUNC]
)
def test_an_odd_file_is_never_written_through(kind: str, flags: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    ODD_FILES[kind](path)

    with pytest.raises(UnsafePathError) as caught:
        open_own(path, flags)

    assert caught.value.headline == f"{path} is not safe to use."
    assert caught.value.seen == f"{kind.removesuffix(' to nothing')}: {path}"
    assert caught.value.next_step.startswith("remove it, or ")
    assert not (tmp_path / "nowhere").exists()
    if (tmp_path / "victim").exists():
        assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("kind", [kind for kind in ODD_FILES if kind != "a hard link"])
def test_an_odd_file_is_never_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    ODD_FILES[kind](path)

    with pytest.raises(UnsafePathError, match="is not safe to use"):
        read_own(path)


def test_a_plain_file_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in (b"one", b"two"):
        with os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "wb") as file:
            assert os.get_blocking(file.fileno())
            file.write(text)

    with read_own(path) as file:
        assert file.read() == b"onetwo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# -- another user's .labkit in a parent folder


@needs_root
@pytest.mark.parametrize("how", ["folder", "folder by a link", "lock", "state"])
def test_another_users_labkit_in_a_parent_folder_is_refused(
    how: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = workspace.root / "a/b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv("LABKIT_WORKSPACE", raising=False)
    prepare_folder(workspace)
    refused = {"lock": workspace.lock_file, "state": workspace.state_file}.get(how, workspace.folder)
    with workspace.lock():
        workspace.write_state(STATE)
        assert Workspace.find().read_state() == STATE

        if how == "folder by a link":
            workspace.folder.rename(workspace.root / "elsewhere")
            workspace.folder.symlink_to("elsewhere")
        give_away(refused)

        with pytest.raises(UnsafePathError) as caught:
            Workspace.find().read_state()

    assert str(refused) in caught.value.headline
    assert caught.value.next_step


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
@pytest.mark.parametrize("name", ["", "state.json", "lock"])
def test_a_labkit_that_others_may_write_to_is_refused(
    name: str, mode: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_WORKSPACE", str(workspace.root))
    prepare_folder(workspace)
    with workspace.lock():
        workspace.write_state(STATE)
        (workspace.folder / name).chmod(mode)

        with pytest.raises(UnsafePathError) as caught:
            Workspace.find().read_state()

    path = str(workspace.folder / name).rstrip("/")
    assert caught.value.seen == f"mode {mode:04o}: {path}"
    assert f"chmod go-w {path}, or " in caught.value.next_step
    assert stat.S_IMODE((workspace.folder / name).stat().st_mode) == mode


def test_a_labkit_on_a_disk_without_modes_is_used(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a Windows disk under WSL everything has mode 0777, and chmod changes nothing."""
    monkeypatch.setenv("LABKIT_WORKSPACE", str(workspace.root))
    prepare_folder(workspace)
    with workspace.lock():
        workspace.write_state(STATE)
        for path in (workspace.folder, workspace.folder / "state.json", workspace.folder / "lock"):
            path.chmod(0o777)
        monkeypatch.setattr("os.chmod", lambda *_: None)

        assert Workspace.find().read_state() == STATE


@needs_root
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["faas-cli", "secret", "create", "s", "--from-literal", "geheim"], 1),
        (["faas-cli", "list"], 1),
        (["faas-cli", "invoke", "f"], 1),
        (["faas-cli", "login", "--password", "p"], 1),
        (["kubectl", "logs", "deployment/gateway", "-n", "openfaas"], 1),
        (["labkit", "status"], 1),
        (["labkit", "up"], 1),
        (["labkit", "logs", "gateway"], 1),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_no_command_uses_another_users_labkit(command: list[str], code: int, workspace: Workspace) -> None:
    prepare_folder(workspace)
    with workspace.lock():
        workspace.write_state(STATE)
        give_away(workspace.folder)
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("LABKIT_WORKSPACE", "OPENFAAS_URL", "OPENFAAS_CONFIG")
        }

        done = subprocess.run(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            cwd=workspace.root,
            env={**environment, "LABKIT_FAAS_CLI": "builtin", "HOME": str(workspace.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == code
    shown = done.stdout + done.stderr
    assert f"{workspace.folder} is not safe to use." in shown
    assert "LABKIT_WORKSPACE" in shown
    assert "Traceback" not in shown


@needs_root
def test_a_terminal_beside_another_users_labkit_is_a_shell_without_that_lab(workspace: Workspace) -> None:
    prepare_folder(workspace)
    with workspace.lock():
        workspace.write_state(STATE)
        give_away(workspace.folder)
        kept = {name: value for name, value in os.environ.items() if name not in ("OPENFAAS_URL", "SHELL")}

        done = subprocess.run(
            [sys.executable, "-c", "from labkit.jupyter.terminal_shell import main; main()"],
            cwd=workspace.root,
            env={**kept, "LABKIT_WORKSPACE": str(workspace.root), "SHELL": "/bin/sh"},
            input="echo url=$OPENFAAS_URL.\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert "url=.\n" in done.stdout
    assert f"{workspace.folder} is not safe to use." in done.stderr
    assert "Traceback" not in done.stderr


# -- links and odd files inside .labkit


@pytest.mark.parametrize(
    "name", ["lock", "logs/supervisor.log", "logs/gateway.log.1", "logs", "run", "images", ""]
)
@pytest.mark.parametrize("kind", [kind for kind in ODD_FILES if kind != "a folder"])
def test_a_lab_does_not_start_with_an_odd_file_in_labkit(name: str, kind: str, workspace: Workspace) -> None:
    if kind == "a hard link" and name.endswith((".log", ".1")):
        pytest.skip("a log is opened for writing later")
    prepare_folder(workspace)
    path = workspace.folder / name
    if path.is_dir():
        for file in sorted(path.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        path.rmdir()
    path.unlink(missing_ok=True)
    ODD_FILES[kind](path)

    with pytest.raises(WorkspaceError) as caught:
        prepare_folder(workspace)

    assert str(path) in caught.value.headline


@pytest.mark.parametrize("make", [make_link, make_dangling_link])
def test_the_store_of_nats_server_is_no_link(make: Callable[[Path], None], workspace: Workspace) -> None:
    prepare_folder(workspace)
    make(workspace.jetstream)

    with pytest.raises(WorkspaceError, match="jetstream is not safe to use"):
        prepare_folder(workspace)


def test_drafts_are_not_written_through_a_link(workspace: Workspace) -> None:
    victim = workspace.root / "victim"
    victim.write_text("precious")
    prepare_folder(workspace)
    for name in ("state.new", f".state.json.{os.getpid()}", "state.json"):
        (workspace.folder / name).symlink_to(victim)

    with workspace.lock():
        workspace.write_state(STATE)
        assert workspace.read_state() == STATE

    assert victim.read_text() == "precious"
    assert not workspace.state_file.is_symlink()


def test_a_linked_lock_or_state_is_not_followed(workspace: Workspace) -> None:
    """A clone of a repository may contain them, with the reader as the owner."""
    prepare_folder(workspace)
    with workspace.lock():
        workspace.write_state(STATE)
        workspace.state_file.rename(workspace.root / "planted.json")
        workspace.state_file.symlink_to(workspace.root / "planted.json")
        with pytest.raises(UnsafePathError, match=r"state\.json"):
            workspace.read_state()
    workspace.lock_file.unlink()
    workspace.lock_file.symlink_to(workspace.root / "planted.json")
    for use in (workspace.read_state, workspace.lock_holder, workspace.lock().__enter__):
        with pytest.raises(UnsafePathError, match="lock"):
            use()


@pytest.mark.parametrize("kind", ["a symbolic link", "a named pipe", "a device", "a folder"])
def test_logs_are_not_written_or_read_through_an_odd_file(kind: str, workspace: Workspace) -> None:
    prepare_folder(workspace)
    log = LogFile(workspace.logs / "gateway.log")
    ODD_FILES[kind](log.path)

    for use in (
        log.open,
        log.tail,
        lambda: log_to(log.path),
        lambda: tail(log.path),
        lambda: next(follow(log_path(workspace, "gateway"), -1)),
    ):
        with pytest.raises(UnsafePathError):
            use()


def test_a_log_is_not_moved_through_a_link(workspace: Workspace) -> None:
    prepare_folder(workspace)
    log = LogFile(workspace.logs / "gateway.log")
    with log.open() as file:
        file.write(b"x" * 100)
    make_link(workspace.logs / "gateway.log.1")

    assert log.bound(10)

    assert (workspace.logs / "victim").read_text() == "precious"
    assert (workspace.logs / "gateway.log.1").read_bytes() == b"x" * 100


def test_private_folders_are_private_all_the_way(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / ".labkit/run/secrets/password", "p")
        make_own_folder(tmp_path / "a/b")
        ImageStore(tmp_path / "c/images").put(Image("me/f"))
    finally:
        os.umask(before)

    for name in (".labkit", ".labkit/run", ".labkit/run/secrets", "a", "a/b", "c", "c/images"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700, name
