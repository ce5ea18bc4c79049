"""The shell of JupyterLab's terminals, in a real terminal, for each shell."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from ptyprocess import PtyProcess
from traitlets.config import Config

from labkit.jupyter import server_extension
from labkit.jupyter.terminal_shell import find_shell, prepend, shell_command

TOOLS = ("faas-cli", "kubectl", "labkit")
LAB = {"OPENFAAS_URL": "http://127.0.0.1:8080", "LABKIT_WORKSPACE": '/tmp/it\'s a \\ "$lab"'}
POSIX_STARTUP = """
PATH={decoys}:$PATH
export OPENFAAS_URL=http://elsewhere
alias kubectl='echo alias'
READ=startup-was-read
"""
FISH_STARTUP = """
set -gx PATH {decoys} $PATH
set -gx OPENFAAS_URL http://elsewhere
function kubectl; echo function; end
set -g READ startup-was-read
"""
STARTUP = {
    "bash": (".bashrc", POSIX_STARTUP + "labkit() {{ echo function; }}\n"),
    "zsh": (".zshrc", POSIX_STARTUP + "labkit() {{ echo function; }}\n"),
    "fish": (".config/fish/config.fish", FISH_STARTUP),
    "dash": (".shrc", POSIX_STARTUP),
    "sh": (".shrc", POSIX_STARTUP),
    "ksh": (".shrc", POSIX_STARTUP),
}


def programs(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for tool in TOOLS:
        (folder / tool).write_text(f"#!/bin/sh\necho {folder.name}\n")
        (folder / tool).chmod(0o755)
    return folder


def in_a_terminal(command: Sequence[str], environment: dict[str, str], typed: str) -> str:
    """Run a program in a terminal, as Jupyter does; return all that it shows."""
    process = PtyProcess.spawn(list(command), env=environment)
    shown = b""
    try:
        process.write(typed.encode())
        while select.select([process.fd], [], [], 20)[0]:
            shown += process.read(65536)
    except EOFError:
        pass
    finally:
        process.close(force=True)
    return shown.decode()


@pytest.mark.parametrize("kind", STARTUP)
def test_the_tools_and_the_variables_of_the_lab_win_over_the_startup_files(kind: str, tmp_path: Path) -> None:
    shell = shutil.which(kind)
    if shell is None:
        pytest.skip(f"no {kind} on this machine")
    home, decoys, ours = tmp_path / "home", programs(tmp_path / "decoys"), programs(tmp_path / "its bin")
    file, text = STARTUP[kind]
    (home / file).parent.mkdir(parents=True)
    (home / file).write_text(text.format(decoys=decoys))
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb", "ENV": str(home / ".shrc")}

    command, environment = shell_command(shell, environment, str(ours), LAB)
    typed = f"kubectl > {home}/k; faas-cli > {home}/f; labkit > {home}/l; printenv > {home}/env; "
    shown = in_a_terminal(command, environment, f"{typed}echo $READ > {home}/read; exit\n")

    assert [(home / name).read_text() for name in "kfl"] == ["its bin\n"] * 3, shown
    assert (home / "read").read_text() == "startup-was-read\n"
    printed = dict(line.partition("=")[::2] for line in (home / "env").read_text().splitlines())
    assert {name: printed[name] for name in LAB} == LAB
    assert not [name for name in printed if name.startswith("LABKIT_") and name not in LAB]
    assert printed.get("ZDOTDIR") is None
    assert printed.get("ENV") in (None, str(home / ".shrc"))


def test_it_is_not_a_login_shell_which_would_reset_path(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bash_profile").write_text("PATH=/usr/bin:/bin\n")
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "dumb"}

    command, environment = shell_command(shutil.which("bash") or "", environment, "/nowhere/bin", {})
    in_a_terminal(command, environment, f"echo $PATH > {home}/path; exit\n")

    assert (home / "path").read_text().startswith("/nowhere/bin:")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("fish", "fish"),
        ("missing", "bash"),
        ("", "bash"),
        ("nologin", "bash"),
        ("false", "bash"),
    ],
)
def test_the_users_shell_is_used_if_it_is_one(wanted: str, expected: str, tmp_path: Path) -> None:
    for name in ("bash", "sh", "fish", "nologin", "false"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)

    environment = {"SHELL": str(tmp_path / wanted) if wanted else "", "PATH": str(tmp_path)}

    assert find_shell(environment) == str(tmp_path / expected)


def test_without_bash_it_is_sh(tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("#!/bin/sh\n")
    (tmp_path / "sh").chmod(0o755)

    assert find_shell({"PATH": str(tmp_path)}) == str(tmp_path / "sh")
    assert find_shell({"PATH": ""}) == "/bin/sh"


def test_a_folder_stands_once_in_path_and_first() -> None:
    assert prepend("/a", "/b:/a:/c") == "/a:/b:/c"
    assert prepend("/a", "/b") == "/a:/b"


def server(**settings: object) -> SimpleNamespace:
    identity = SimpleNamespace(token="s3cret")
    return SimpleNamespace(
        terminado_settings=settings,
        identity_provider=identity,
        config=Config(),
        web_app=SimpleNamespace(settings={}),
        io_loop=SimpleNamespace(add_callback=lambda *_: None),
    )


def test_kernels_find_the_tools_but_not_the_servers_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("JUPYTER_TOKEN", "s3cret")
    jupyter = server()

    server_extension._link_jupyter_server_extension(jupyter)
    server_extension._load_jupyter_server_extension(jupyter)

    assert shutil.which("faas-cli") == str(Path(sys.executable).with_name("faas-cli"))
    assert "JUPYTER_TOKEN" not in os.environ
    assert jupyter.terminado_settings["shell_command"][-1] == "labkit.jupyter.terminal_shell"


def test_a_shell_that_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    jupyter = server(shell_command=["/bin/own"], type="xterm")

    server_extension._link_jupyter_server_extension(jupyter)

    assert jupyter.terminado_settings == {"shell_command": ["/bin/own"], "type": "xterm"}
