"""What a learner meets in the JupyterLab of ``labkit lab``."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from chromium import BrowserTab, Chromium
from jupyter_page import KERNEL_IDLE, READY, Terminal, jupyterlab, learner_environment
from lab_text import BANNER, SHELL_BLOCKS
from labkit_command import labkit
from labs import start_lab
from marked_processes import assert_gone

SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A learner's home folder, whose ``.bashrc`` points away from the lab.

    The programs of another environment's labkit come first there, and another
    gateway. (A real faas-cli would be used: the work-alike hands over to it.)
    """
    home = tmp_path / "home"
    decoys = home / "bin"
    decoys.mkdir(parents=True)
    for name in ("faas-cli", "kubectl", "labkit"):
        (decoys / name).write_text(
            f'#!/bin/sh\n# labkit.\necho "$0 $*" >> "{home}/decoys"\necho another {name}\n'
        )
        (decoys / name).chmod(0o755)
    (home / ".bashrc").write_text(
        f"PS1='$ '\nPATH={decoys}:$PATH\nexport OPENFAAS_URL=http://127.0.0.1:9\nalias kubectl='echo alias'\n"
    )
    return home


def open_page(browser: Chromium, url: str) -> BrowserTab:
    page = browser.open()
    page.look(width=1600, height=1000)
    page.goto(url)
    page.wait_for(READY)
    page.wait_for(KERNEL_IDLE)
    return page


def test_the_commands_of_the_lab_text_typed_into_jupyterlabs_terminal(
    browser: Chromium, workspace: Path, home: Path, mark: str
) -> None:
    environment = learner_environment(home, SHELL="/bin/bash")
    with jupyterlab(workspace, environment) as url:
        terminal = Terminal(open_page(browser, url))
        lab = start_lab(workspace)
        assert terminal.run("pwd") == str(workspace)
        for tool in ("faas-cli", "kubectl", "labkit"):
            assert terminal.run(f"command -v {tool}") == str(SCRIPTS / tool)
        assert terminal.run("echo $OPENFAAS_URL") == lab.gateway_url
        assert terminal.run("printenv JUPYTER_TOKEN") == ""

        assert terminal.run(SHELL_BLOCKS["make a folder"]) == ""
        new = SHELL_BLOCKS["create the function"].replace("<your-docker-username-here>", "jo")
        assert "Function created in folder: long-task" in terminal.run(new)
        terminal.run("""sed -i 's/fprocess="cat"/fprocess="sleep 1"/' long-task/Dockerfile""")
        assert "Deployed. 202 Accepted." in terminal.run("faas-cli up")
        assert f"URL: {lab.gateway_url}/function/long-task" in terminal.run("faas-cli up")

        began = time.monotonic()
        for line in SHELL_BLOCKS["ten synchronous calls"].splitlines():
            assert terminal.run(line) == ""
        assert time.monotonic() - began > 10
        asynchronous = SHELL_BLOCKS["as many asynchronous ones, and one more"].splitlines()
        answers = [terminal.run(line) for line in asynchronous]
        assert answers == ["Function submitted asynchronously."] * 11

        assert "Deployed. 202 Accepted." in terminal.run("faas-cli store deploy figlet")
        callback = SHELL_BLOCKS["a callback to a bin"].replace("http://requestbin.com", lab.inspector_url)
        bin_ = lab.bin("1i7i1we1")
        assert terminal.run(callback).endswith("Function submitted asynchronously.")
        request = bin_.wait(function="figlet", timeout=30)
        assert request.body.decode().splitlines() == BANNER

        log = terminal.run(SHELL_BLOCKS["the queue-worker's log"])
        assert log.count("Invoked: long-task.openfaas-fn [200] in 1.") == 11
        calls = Counter((call.function, str(call.mode), str(call.state)) for call in lab.calls())
        assert calls == {
            ("long-task", "sync", "done"): 10,
            ("long-task", "async", "done"): 11,
            ("figlet", "async", "done"): 1,
        }
        assert not (home / "decoys").exists(), (home / "decoys").read_text()
        lab.stop()
    assert_gone(mark, within=10)


def test_the_link_of_labkit_status_opens_the_inspector_from_another_site(
    browser: Chromium, workspace: Path
) -> None:
    """JupyterLab may be open at localhost: another site than 127.0.0.1."""
    with start_lab(workspace) as lab:
        page = browser.open(f"{lab.inspector_url.replace('127.0.0.1', 'localhost')}/healthz")
        link = re.findall(r"^inspector +(\S+)", labkit(workspace, "status"), re.M)[0]
        page.evaluate(f"location.href = {json.dumps(link)}")
        page.wait_for("document.getElementById('connection')?.dataset.state === 'live'")
        assert page.evaluate("location.href") == f"{lab.inspector_url}/#/calls"
        page.goto("about:blank")
