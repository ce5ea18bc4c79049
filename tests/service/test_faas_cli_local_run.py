"""``faas-cli local-run``: a function on a port, without gateway or Docker."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from eventually import eventually

FAAS_CLI = str(Path(sys.executable).with_name("faas-cli"))
STACK = """\
version: 1.0
provider:
  name: openfaas
functions:
  fn:
    lang: dockerfile
    handler: ./fn
    image: me/fn:latest
    environment:
      FROM_STACK: stack
      BOTH: stack
    environment_file: [more.yaml]
"""
SECRETS = "    secrets: [key]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(STACK)
    (tmp_path / "more.yaml").write_text("environment:\n  FROM_FILE: file\n")
    (tmp_path / "fn").mkdir()
    dockerfile(tmp_path, "env")
    return tmp_path


def dockerfile(folder: Path, process: str) -> None:
    (folder / "fn" / "Dockerfile").write_text(f'FROM alpine\nENV fprocess="{process}"\n')


def variables(folder: Path) -> dict[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    own = {"LABKIT_WORKSPACE": str(folder), "LABKIT_FAAS_CLI": "builtin", "TMPDIR": str(temporary)}
    return {**os.environ, **own}


def faas(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [FAAS_CLI, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=variables(folder),
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@contextmanager
def running(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``local-run`` on a free port; give the process and the URL."""
    with subprocess.Popen(
        [FAAS_CLI, "local-run", "-p", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=variables(folder),
    ) as process:
        try:
            assert process.stdout is not None
            found = None
            while found is None and (line := process.stdout.readline()):
                found = re.fullmatch(r"Starting local-run for: fn on: (http://127\.0\.0\.1:\d+)\n", line)
            assert found is not None
            url = found[1]
            eventually(lambda: is_open(url), within=20, what="the function's port")
            yield process, url
        finally:
            process.kill()


def is_open(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1).close()
    except OSError:
        return False
    return True


def test_the_function_has_the_environment_of_stack_file_and_flags(folder: Path) -> None:
    with running(folder, "fn", "-e", "BOTH=flag,MORE=1", "--env", "LAST=a=b") as (_, url):
        lines = httpx.post(url).text.splitlines()

    assert {
        *("FROM_STACK=stack", "FROM_FILE=file", "BOTH=flag", "MORE=1"),
        *("OPENFAAS_NAME=fn", "OPENFAAS_NAMESPACE=openfaas-fn", "jwt_auth_local=true"),
    } <= set(lines)


def test_the_function_reads_its_secrets_from_the_folder_of_secrets(folder: Path) -> None:
    (folder / "stack.yaml").write_text(STACK + SECRETS)
    dockerfile(folder, "cat /var/openfaas/secrets/key")
    (folder / ".secrets").mkdir()
    (folder / ".secrets" / "key").write_text("value")

    with running(folder) as (_, url):
        assert httpx.post(url).text == "value"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_ends_the_function_and_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    with running(folder) as (process, url):
        process.send_signal(number)

        assert process.wait(20) == 0
        assert not is_open(url)
        assert list((folder / "tmp").iterdir()) == []


def test_the_function_does_not_outlive_a_local_run_that_is_killed(folder: Path) -> None:
    with running(folder) as (process, url):
        process.kill()
        process.wait(20)

        eventually(lambda: not is_open(url), within=20, what="the end of the watchdog")


def test_print_gives_a_line_that_runs_the_function(folder: Path) -> None:
    faas(folder, "build")
    line = faas(folder, "local-run", "--build=false", "--print", "-p", "0").splitlines()
    assert line[0] == "Image: me/fn:latest"

    with subprocess.Popen(
        ["bash", "-c", f"exec {line[1]}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as run:
        try:
            port = re.search(r" port=(\d+) ", line[1])
            assert port is not None
            url = f"http://127.0.0.1:{port[1]}"
            eventually(lambda: is_open(url), within=20, what="the function's port")
            assert "FROM_STACK=stack" in httpx.post(url).text
        finally:
            run.kill()


def test_a_port_in_use_is_reported_before_the_start(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        printed = faas(folder, "local-run", "--port", str(port), code=1)

    assert f"\nCannot listen on port {port}\n" in printed
    assert "--port 0" in printed


@pytest.mark.parametrize(
    ("words", "stack", "message"),
    [
        (["a", "b"], STACK, "Only one function name is allowed\n"),
        ([], STACK.replace("  fn:", "  a: {image: a}\n  fn:"), "Give a function name to run: [a fn]\n"),
        ([], "provider:\n  name: openfaas\n", "No functions found in the stack file\n"),
        (["other"], STACK, "No functions matching --filter/--regex were found in the YAML file\n"),
        (["f*"], STACK, 'No functions matching "f*" in the stack file\n'),
        (["-e", "A"], STACK, 'Invalid argument "A" for "-e, --env" flag: A must be formatted as key=value\n'),
        (["--build=false"], STACK, "Image: me/fn:latest\nUnable to find image: me/fn:latest\n"),
    ],
)
def test_what_cannot_be_run_is_an_error(words: list[str], stack: str, message: str, folder: Path) -> None:
    (folder / "stack.yaml").write_text(stack)

    assert faas(folder, "local-run", *words, code=1).startswith(message)


def test_a_missing_secret_is_named(folder: Path) -> None:
    (folder / "stack.yaml").write_text(STACK + SECRETS)

    printed = faas(folder, "local-run", code=1)

    assert printed.endswith(f'Missing files: create the following secrets (key) in: "{folder}/.secrets"\n')
    assert (folder / ".secrets").is_dir()
