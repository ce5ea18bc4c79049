"""A lab that a notebook starts belongs to Jupyter's server, not to the notebook's kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from jupyter_client.blocking.client import BlockingKernelClient
from marked_processes import GONE_SECONDS, assert_gone, command_of, marked
from test_kernel import Notebook

from labkit.workspace import Workspace

TOKEN = "t0ken"
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has pidfds")


class Server:
    """A Jupyter server, whose kernels are started as JupyterLab does."""

    def __init__(self, workspace: Path, home: Path, extension: bool) -> None:
        self.workspace = workspace
        self.opened: list[ServedNotebook] = []
        self.runtime = home / "runtime"
        environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(self.runtime), "JUPYTER_TOKEN": TOKEN}
        environment["JUPYTER_CONFIG_DIR"] = str(home / "config")
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"]
        command += ["--ServerApp.port=0", f"--ServerApp.root_dir={workspace}"]
        extensions = {"labkit.jupyter.server_extension": extension, "labkit.jupyter": extension}
        command.append(f"--ServerApp.jpserver_extensions={extensions}")
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        info = eventually(self._info, within=30)
        self.url = info["url"]
        eventually(self._answers, within=30)  # the file is written before the port is open

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}api", timeout=5):
                return True
        except OSError:
            return False

    def _info(self) -> dict[str, Any] | None:
        for path in self.runtime.glob("jpserver-*.json"):
            try:
                return dict(json.loads(path.read_text()))
            except ValueError:
                return None
        return None

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}api/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return dict(json.load(response))

    def open(self, name: str) -> ServedNotebook:
        """Open a notebook, which starts its kernel."""
        session = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        notebook = ServedNotebook(self, self.post("sessions", session)["kernel"]["id"])
        self.opened.append(notebook)
        return notebook

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)


class ServedNotebook(Notebook):
    """A notebook whose kernel is a server's child."""

    def __init__(self, server: Server, kernel: str) -> None:
        self.workspace = server.workspace
        self.server, self.kernel = server, kernel
        self.connect()

    def connect(self) -> None:
        file = self.server.runtime / f"kernel-{self.kernel}.json"
        eventually(file.exists)
        self.client = BlockingKernelClient(connection_file=str(file))
        self.client.load_connection_file()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)

    def restart(self) -> None:
        self.client.stop_channels()
        self.server.post(f"kernels/{self.kernel}/restart")
        self.connect()


@pytest.fixture
def server(workspace: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(workspace, tmp_path, getattr(request, "param", True))
    yield server
    print(server.log.read_text()[-3000:])
    server.process.kill()
    server.process.wait()
    for notebook in server.opened:
        notebook.client.stop_channels()  # else it looks for the dead kernel's ports ten times a second


def lab_state(notebook: Notebook) -> None:
    notebook.run_well("assert lab.status().state == 'ready', lab.status()")


@linux_only
def test_the_lab_outlives_the_kernel_that_started_it_but_not_the_server(server: Server, mark: str) -> None:
    first, second = server.open("01.ipynb"), server.open("02.ipynb")
    pid = first.start_lab()
    assert second.start_lab() == pid

    first.restart()
    lab_state(second)
    assert first.start_lab() == pid  # it attaches to the same lab

    # The end of a notebook's own handle is not that of the others' lab.
    first.run_well("lab.stop()")
    lab_state(second)

    server.end()
    assert_gone(mark)
    assert not (server.workspace / ".labkit/state.json").exists()


@linux_only
def test_a_killed_kernel_leaves_the_lab_to_the_server_and_a_killed_server_leaves_nothing(
    server: Server, mark: str
) -> None:
    first, second = server.open("01.ipynb"), server.open("02.ipynb")
    pid = first.start_lab()
    second.start_lab()
    first.client.execute("import os; os.kill(os.getpid(), 9)")
    time.sleep(2)
    lab_state(second)
    assert Workspace(server.workspace).lock_holder() == pid

    server.process.kill()
    kernels = {"ipykernel_launcher"}  # they end when they look for their parent, once a second

    def only_kernels_are_left() -> bool:
        return all(kernels & set(command_of(process)) for process in marked(mark))

    eventually(only_kernels_are_left, within=GONE_SECONDS)
    assert_gone(mark)


@linux_only
def test_a_notebook_that_waits_learns_which_other_one_reset_the_lab(server: Server) -> None:
    first, second = server.open("01-sync.ipynb"), server.open("02-async.ipynb")
    first.start_lab()
    second.start_lab()
    second.run_well("lab.deploy('long', fprocess='sleep 60')")
    request = second.client.execute("lab.measure('long', progress=False)", stop_on_error=False)
    time.sleep(1)
    began = time.monotonic()
    first.run_well("lab.reset()")
    reply = second.reply(request)

    assert time.monotonic() - began < 5
    assert reply["ename"] == "LabResetError"
    assert "by the notebook 01-sync.ipynb (process" in reply["traceback"][0]


@pytest.mark.parametrize("server", [False], indirect=True, ids=["no extension"])
def test_without_the_extension_the_lab_ends_with_its_kernel(server: Server) -> None:
    first = server.open("01.ipynb")
    pid = first.start_lab()
    first.restart()
    eventually(lambda: Workspace(server.workspace).lock_holder() != pid, within=GONE_SECONDS)


def test_a_kernel_of_another_program_keeps_its_lab_to_itself(
    workspace: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As nbval that runs in a terminal of JupyterLab, and inherits its variables."""
    monkeypatch.setenv("LABKIT_JUPYTER_SERVER", "1")
    notebook = Notebook(workspace)
    try:
        notebook.start_lab()
    finally:
        notebook.end()
    assert_gone(mark)
