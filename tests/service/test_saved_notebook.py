"""No secret of a lab is in a notebook that has shown everything."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx
import nbformat
from labkit_command import labkit
from labs import start_lab
from nbclient import NotebookClient

from labkit import Lab
from labkit.workspace import Workspace

CELLS = {
    "a handle": "from labkit import Lab\nlab = Lab.start()\nlab",
    "a handle, as text": "print(lab, repr(lab), lab.aio, repr(lab.aio))",
    "its state": "display(lab.aio.state, vars(lab), vars(lab.aio)); print(lab.aio.state, [lab.aio.state])",
    "its clients": "display(vars(lab.aio.connections), lab.aio.supervisor, lab.aio.settings)",
    "the status": "display(lab.status()); print(lab.status())",
    "labkit status": "!labkit status\n!labkit status --json",
    "labkit up": "!labkit up",
    "labkit doctor": "!labkit doctor --no-start",
    "deployed functions": "!faas-cli store deploy figlet\n!faas-cli store deploy env\n"
    "!faas-cli list -v\n!faas-cli describe figlet",
    "a function's environment": "print(lab.invoke('env').text)\n!faas-cli invoke env < /dev/null",
    "faas-cli": "!faas-cli version\n!FAAS_DEBUG=1 faas-cli list\n!faas-cli login --help",
    "a bin": "b = lab.bin('callbacks')\ndisplay(b, str(b), vars(b)); print(b)",
    "calls": "call = lab.invoke_async('figlet', 'x', callback=b)\n"
    "display(call, b.wait(), b.requests(), b, lab.calls())",
    "a measurement": "run = lab.measure('figlet', calls=2)\ndisplay(run, vars(run), lab.plot(run))",
    "queues": "display(lab.queue(), lab.queues(), lab.faults())",
    "logs": "for name in ('gateway', 'queue-worker', 'inspector', 'nats-server', 'supervisor'):\n"
    "    display(lab.logs(name, tail=10000))\n"
    "!kubectl logs deployment/nats -n openfaas\n!labkit logs supervisor\n!labkit logs nats-server",
    "a service killed and back": "lab.kill('queue-worker')\n"
    "display(lab.status(), lab.logs('supervisor', tail=1000))",
    "an unknown function": "lab.invoke('nobody')",
    "a deploy that fails": "lab.deploy('Bad Name!', image='nothing/at-all:latest')",
    "a bin that waits in vain": "lab.bin('empty').wait(timeout=0.1)",
    "an unknown bin": "lab.bin('a b/c')",
    "an unknown call": "lab.call('nothing').status()",
    "an unknown service": "lab.logs('nothing')",
    "a gateway that is gone": "with lab.gateway.down():\n    lab.invoke('figlet', timeout=1)",
    "an inspector that is gone": "with lab.inspector.down():\n    lab.bin('x').requests()",
    "a NATS server that is gone": "with lab.nats.down():\n    lab.invoke_async('figlet')",
    "a second lab": "Lab.start(attach=False)",
    "the kernel's environment": "!env\nimport os; print(os.environ)",
    "an end": "lab.stop()\nlab",
    "a lab that is gone": "lab.status()",
    "no lab": "!labkit status\n!kubectl logs deployment/queue-worker -n openfaas",
}


def saved(workspace: Path) -> str:
    """Run the cells in a kernel whose folder is the workspace; return what is saved."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=60,
        allow_errors=True,
        resources={"metadata": {"path": str(workspace)}},
    )
    # Wide, so that no line of a table is cut.
    client.execute(env={**os.environ, "LABKIT_WORKSPACE": str(workspace), "COLUMNS": "4000"})
    for name, cell in zip(CELLS, notebook.cells, strict=True):
        assert cell.outputs or name in ("an end",), f"nothing shown: {name}"
    return nbformat.writes(notebook)


def test_nothing_secret_is_saved_with_a_notebook(workspace: Path) -> None:
    # The lab is started here, so that its secrets are known; the kernel attaches to it.
    lab = start_lab(workspace)
    state = lab.aio.state
    login = (Workspace(workspace).login_folder / "config.yml").read_text()
    secrets = {
        name: value for name, value in state._asdict().items() if "token" in name or name == "password"
    }
    secrets["login"] = re.findall(r"token: (\S+)", login)[0]
    assert len(secrets) == 5
    assert all(len(value) > 20 for value in secrets.values())

    text = saved(workspace)
    lab.stop()

    assert [name for name, value in secrets.items() if value in text] == []
    assert "The lab is ready" in text
    assert "?token=" not in text


def test_the_link_of_labkit_status_opens_the_page_once(workspace: Path) -> None:
    with start_lab(workspace) as lab:
        link = printed_link(lab)
        opened = httpx.get(link)
        cookies = {"Cookie": opened.headers["set-cookie"].partition(";")[0]}

        assert opened.status_code == 200
        assert 'content="0; url=./"' in opened.text
        assert httpx.get(f"{lab.inspector_url}/", headers=cookies).status_code == 200
        assert httpx.get(f"{lab.inspector_url}/api/v1/bins", headers=cookies).status_code == 200
        assert httpx.get(link).status_code == 401
        assert httpx.get(link.replace("open=", "token=")).status_code == 401
        code = printed_link(lab).partition("?")[2]
        assert httpx.get(f"{lab.inspector_url}/api/v1/bins?{code}").status_code == 401
        assert httpx.get(f"{lab.inspector_url}/?open=99{code.removeprefix('open=')}").status_code == 401


def printed_link(lab: Lab) -> str:
    return re.findall(r"^inspector +(http\S+/\?open=\S+)$", labkit(lab.workspace, "status"), re.M)[0]
