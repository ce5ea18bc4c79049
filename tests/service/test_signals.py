"""Every program of labkit dies of the signal that ends it, as a Go program does, and says nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from eventually import eventually
from labkit_command import ANY_PORTS
from marked_processes import assert_gone
from terminals import SCRIPTS, Terminal

from labkit import Lab

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def terminal(tmp_path: Path, lab: Lab) -> Terminal:
    return Terminal(tmp_path, lab)


@pytest.fixture
def nap(terminal: Terminal) -> Iterator[str]:
    """A function that takes as long as a test."""
    name = f"nap-{uuid.uuid4().hex[:8]}"
    terminal.lab.deploy(name, fprocess="sleep 20")
    yield name
    terminal.lab.remove(name)
    for call in terminal.lab.calls():
        if call.function == name and call.mode == "async" and not call.is_settled:
            terminal.lab.call(call.id).cancel()


@contextmanager
def script(terminal: Terminal, text: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a bash script as Jupyter does, in a process group of its own."""
    with subprocess.Popen(
        ["bash", "-c", text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=terminal.variables,
        cwd=terminal.folder,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def python_runs(group: int, *words: str) -> bool:
    """Tell whether a Python in the process group runs a command with all the words."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            line = process.cmdline()
            if os.getpgid(process.pid) == group and "python" in "".join(line[:1]) and set(words) <= set(line):
                return True
    return False


WAITING = {
    "invoke": "faas-cli invoke NAP </dev/null",
    "invoke that reads its input": "faas-cli invoke NAP",
    "logs": "faas-cli logs NAP",
    "ready": "faas-cli ready NAP-unknown --attempts 100 --interval 1s",
    "template pull": "faas-cli template pull http://127.0.0.1:9/x.git",
    "kubectl": "kubectl logs -f deployment/gateway -n openfaas --tail=0",
    "kubectl of a function": "kubectl logs -f deployment/NAP -n openfaas-fn --tail=0",
    "labkit logs": "labkit logs gateway -f --tail 0",
    "labkit call": "labkit call $(cat id) --wait 20",
    "labkit fault": "labkit fault bin/x down",
    "labkit worker": "labkit worker",
}


@pytest.mark.parametrize("command", WAITING.values(), ids=list(WAITING))
def test_a_script_does_not_go_on_with_its_next_line_after_an_interrupt(
    terminal: Terminal, nap: str, command: str
) -> None:
    if command.startswith("labkit call"):
        (terminal.folder / "id").write_text(terminal.lab.invoke_async(nap).id)
    git = terminal.folder / "git-that-hangs"
    git.mkdir()
    (git / "git").write_text("#!/bin/sh\nexec sleep 20\n")
    (git / "git").chmod(0o755)
    terminal.variables["PATH"] = f"{SCRIPTS}:{git}:/usr/bin:/bin"
    terminal.variables["TMPDIR"] = str(terminal.folder / "temporary")
    (terminal.folder / "temporary").mkdir()
    with script(terminal, f"{command.replace('NAP', nap)}; echo next") as process:
        assert process.stdout is not None
        eventually(lambda: python_runs(process.pid))
        time.sleep(0.7)  # most of them wait for something by now
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=10)

    assert process.returncode == -signal.SIGINT
    assert b"next" not in out
    assert b"Traceback" not in errors
    assert b"KeyboardInterrupt" not in errors
    assert b"Aborted" not in errors
    assert list((terminal.folder / "temporary").iterdir()) == []


@pytest.mark.parametrize("program", ["faas-cli", "kubectl", "labkit"])
def test_an_interrupt_at_any_moment_of_the_start_is_silent(terminal: Terminal, program: str) -> None:
    """Also while Python starts, before any code of ours."""
    command = {
        "faas-cli": ["faas-cli", "invoke", "fn"],
        "kubectl": ["kubectl", "logs", "-f", "deployment/gateway", "-n", "openfaas", "--tail=0"],
        "labkit": ["labkit", "logs", "gateway", "-f", "--tail", "0"],
    }[program]
    terminal.variables["PATH"] = f"{SCRIPTS}:/usr/bin:/bin"
    rng = random.Random(program)
    delays = [number * 0.002 for number in range(30)] + [rng.uniform(0, 0.3) for _ in range(15)]
    for delay in delays:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=terminal.variables,
            cwd=terminal.folder,
        ) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=10)

        assert (process.returncode, out, errors) == (-signal.SIGINT, b"", b""), delay


@pytest.mark.parametrize("has_env", [True, False], ids=["env blocks SIGINT", "as on a Mac"])
def test_a_link_to_a_program_starts_it(terminal: Terminal, has_env: bool) -> None:
    links = terminal.folder / "links"
    links.mkdir()
    (links / "kubectl").symlink_to(SCRIPTS / "kubectl")
    if not has_env:
        (links / "env").write_text("#!/bin/sh\necho 'env: illegal option -- -' >&2; exit 1\n")
        (links / "env").chmod(0o755)
    terminal.variables["PATH"] = f"{links}:/usr/bin:/bin"
    done = terminal.run("kubectl", "logs", "deployment/gateway", "-n", "openfaas", "--tail=1")

    assert done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_is_gone_at_once_where_it_has_nothing_to_clean_up(
    terminal: Terminal, nap: str, number: int
) -> None:
    with script(terminal, f"exec faas-cli invoke {nap} </dev/null") as process:
        eventually(lambda: python_runs(process.pid, "invoke"))
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(number)

        assert process.wait(5) == -number
        assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_leaves_no_temporary_folder(terminal: Terminal, number: int) -> None:
    tools, temporary = terminal.folder / "slow-git", terminal.folder / "temporary"
    tools.mkdir()
    temporary.mkdir()
    # It also tells that the folder is there, and ignores what the terminal sends to all.
    (tools / "git").write_text("#!/bin/sh\ntouch ../git-runs\nexec sleep 20\n")
    (tools / "git").chmod(0o755)
    terminal.variables |= {"PATH": f"{SCRIPTS}:{tools}:/usr/bin:/bin", "TMPDIR": str(temporary)}
    with script(terminal, "exec faas-cli template pull http://127.0.0.1:9/x.git") as process:
        eventually(lambda: list(temporary.iterdir()) or None)
        time.sleep(0.2)
        os.killpg(process.pid, number)
        os.killpg(process.pid, number)  # a second one changes nothing
        _, errors = process.communicate(timeout=10)

    assert process.returncode == -number
    assert b"Traceback" not in errors
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("command", ["faas-cli version", "kubectl logs deployment/gateway -n openfaas"])
def test_a_program_whose_reader_is_gone_dies_of_sigpipe(terminal: Terminal, command: str) -> None:
    out = terminal.shell(f"{command} | true; echo ${{PIPESTATUS[0]}}")

    assert out in ("141\n", "0\n")  # 0: it had written all before its reader ended
    with script(terminal, f"exec {command} >&7 7>&-; true") as process:
        process.communicate(timeout=10)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command.split(),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=terminal.variables,
        cwd=terminal.folder,
        timeout=10,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


def test_a_connection_that_breaks_is_an_error_and_no_sigpipe(terminal: Terminal) -> None:
    terminal.variables["OPENFAAS_URL"] = "http://127.0.0.1:9"
    done = terminal.run("faas-cli", "invoke", "fn", body=b"x" * 1_000_000, code=1)

    assert b"Traceback" not in done.stderr


def test_an_ignored_interrupt_stays_ignored(terminal: Terminal, nap: str) -> None:
    """As under nohup, and in a script's ``command &``."""
    with script(terminal, f"trap '' INT; exec faas-cli invoke {nap} </dev/null") as process:
        eventually(lambda: python_runs(process.pid, "invoke"))
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


@pytest.mark.parametrize("number", ENDING)
def test_a_lab_in_the_foreground_is_stopped_before_it_dies_of_the_signal(
    workspace: Path, mark: str, number: int
) -> None:
    command = [str(SCRIPTS / "labkit"), "up", "--no-detach", *ANY_PORTS]
    with subprocess.Popen(
        command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "Ctrl-C ends it." not in (line := process.stdout.readline()):
            assert line
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)

    assert process.returncode == -number
    assert "The lab has ended." in out
    assert errors == ""
    assert_gone(mark)


@pytest.mark.parametrize(("command", "seconds"), [("demo", 1.5), ("demo", 0), ("doctor", 0.2)])
def test_an_interrupted_demo_leaves_nothing_behind(
    workspace: Path, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, seconds: float
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with subprocess.Popen(
        [str(SCRIPTS / "labkit"), command],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        eventually(lambda: list(temporary.glob("labkit-*")) or None)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in errors
    assert "Aborted" not in errors
    assert list(temporary.glob("labkit-*")) == []
    assert_gone(mark)
