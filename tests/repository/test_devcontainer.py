"""The container for GitHub Codespaces and other tools that read devcontainer.json.

No Codespace has run it. What it is made of is checked: the properties against the published reference
(https://containers.dev/implementors/json_reference/), the commands against the repository, and Jupyter's
settings in a real JupyterLab.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_page import jupyterlab, learner_environment
from marked_processes import assert_gone
from packaging.specifiers import SpecifierSet

from labkit.cli.jupyter import lab

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".devcontainer"
PORT = 8888
CODESPACE = "fluffy-waffle-x7q"
ORIGIN = f"https://{CODESPACE}-{PORT}.app.github.dev"


def is_command(value: object) -> bool:
    """A shell's line, a program with arguments, or several of them by name, run side by side."""
    if isinstance(value, dict):
        return all(isinstance(each, (str, list)) and is_command(each) for each in value.values())
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(word, str) for word in value)
    )


def is_strings(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def is_port_settings(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in PORT_PROPERTIES and PORT_PROPERTIES[name](each) for name, each in value.items()
    )


PORT_PROPERTIES = {
    "label": lambda value: isinstance(value, str),
    "protocol": ("http", "https").__contains__,
    "onAutoForward": (
        *("notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"),
    ).__contains__,
    "requireLocalPort": lambda value: isinstance(value, bool),
    "elevateIfNeeded": lambda value: isinstance(value, bool),
}
HOST_PROPERTIES = {
    "cpus": lambda value: isinstance(value, int) and value > 0,
    "memory": lambda value: bool(re.fullmatch(r"\d+([tgmk]b)?", value)),
    "storage": lambda value: bool(re.fullmatch(r"\d+([tgmk]b)?", value)),
}
PROPERTIES = {
    "name": lambda value: isinstance(value, str),
    "image": lambda value: bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)+:[\w.-]+", value)),
    "hostRequirements": lambda value: all(HOST_PROPERTIES[name](each) for name, each in value.items()),
    "containerEnv": is_strings,
    "remoteEnv": is_strings,
    **dict.fromkeys(
        (
            "onCreateCommand",
            "updateContentCommand",
            "postCreateCommand",
            "postStartCommand",
            "postAttachCommand",
        ),
        is_command,
    ),
    "forwardPorts": lambda value: all(isinstance(port, int) and 0 <= port < 65536 for port in value),
    "portsAttributes": lambda value: all(map(is_port_settings, value.values())),
    "otherPortsAttributes": is_port_settings,
}
"""The properties of the reference that concern us, and which values it allows."""


@pytest.fixture
def container() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "devcontainer.json").read_text())
    return document


def wrong(document: Mapping[str, Any]) -> list[str]:
    return [name for name, value in document.items() if name not in PROPERTIES or not PROPERTIES[name](value)]


def test_each_property_is_of_the_reference_and_has_an_allowed_value(container: dict[str, Any]) -> None:
    assert wrong(container) == []
    assert "image" in container


@pytest.mark.parametrize(
    "change",
    [
        {"postAttachComand": "make lab"},
        {"postAttachCommand": 7},
        {"portsAttributes": {"8888": {"onAutoForward": "open"}}},
        {"hostRequirements": {"memory": "4 GB"}},
        {"image": "python"},
    ],
)
def test_a_wrong_property_would_be_noticed(container: dict[str, Any], change: dict[str, Any]) -> None:
    assert wrong({**container, **change}) == list(change)


def test_the_container_has_a_python_that_labkit_supports(container: dict[str, Any]) -> None:
    version = container["image"].rpartition(":")[2]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert SpecifierSet(project["requires-python"]).contains(version)


def test_its_commands_are_those_that_everybody_uses(container: dict[str, Any]) -> None:
    set_up, attach = container["onCreateCommand"], container["postAttachCommand"]
    recipe = re.search(r"^lab:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert attach == "make lab"
    assert recipe is not None
    # What takes long happens once, when the container is made.
    assert set_up in recipe[1]


def test_the_forwarded_port_is_jupyterlabs(container: dict[str, Any]) -> None:
    (default,) = (option.default for option in lab.params if option.name == "port")

    assert container["forwardPorts"] == [default] == [PORT]
    assert list(container["portsAttributes"]) == [str(PORT)]


def test_a_codespaces_page_may_use_its_jupyterlab_and_no_other_site(
    container: dict[str, Any], workspace: Path, mark: str, tmp_path: Path
) -> None:
    settings = container["containerEnv"]["JUPYTER_CONFIG_PATH"]
    assert settings == "${containerWorkspaceFolder}/.devcontainer/jupyter"
    variables = {
        "JUPYTER_CONFIG_PATH": settings.replace("${containerWorkspaceFolder}", str(ROOT)),
        "CODESPACE_NAME": CODESPACE,
        "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev",
    }
    with jupyterlab(workspace, learner_environment(tmp_path, **variables)) as url:
        base = httpx.URL(url).copy_with(path="/", query=None)
        token = httpx.URL(url).params["token"]
        # GitHub's proxy keeps the page's Origin, and says Host: localhost.
        assert websocket(base, token, Host="localhost:8888", Origin=ORIGIN) == 101
        assert websocket(base, token, Host=ORIGIN.removeprefix("https://"), Origin=ORIGIN) == 101
        assert websocket(base, token, Host="localhost:8888", Origin="https://evil-8888.app.github.dev") == 403
        assert websocket(base, token, Host="evil.example.com", Origin="https://evil.example.com") == 403
    assert_gone(mark, within=10)


def test_without_a_codespace_the_settings_change_nothing(workspace: Path, mark: str, tmp_path: Path) -> None:
    variables = {"JUPYTER_CONFIG_PATH": str(FOLDER / "jupyter")}
    with jupyterlab(workspace, learner_environment(tmp_path, **variables)) as url:
        base = httpx.URL(url).copy_with(path="/", query=None)
        token = httpx.URL(url).params["token"]
        assert websocket(base, token, Host="localhost:8888", Origin=ORIGIN) == 403
        assert websocket(base, token, Origin=str(base).rstrip("/")) == 101
    assert_gone(mark, within=10)


def websocket(base: httpx.URL, token: str, **headers: str) -> int:
    """Open a terminal's websocket as a page does that has logged in; return the response's status."""
    own = {"Authorization": f"token {token}"}
    name = httpx.post(base.join("api/terminals"), headers=own, timeout=30).json()["name"]
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    host = {"Host": headers["Host"]} if "Host" in headers else {}
    with httpx.Client(base_url=base, timeout=30) as browser:
        browser.get(f"lab?token={token}", headers=host)  # sets the cookie
        with browser.stream("GET", f"terminals/websocket/{name}", headers={**upgrade, **headers}) as response:
            return response.status_code
