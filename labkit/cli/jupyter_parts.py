"""What ``labkit doctor`` checks of JupyterLab: parts, present and enabled."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple


class JupyterPart(NamedTuple):
    """A part of JupyterLab that the lab's views need.

    Attributes:
        package: The Python package that brings it.
        name: What Jupyter calls it.
        kind: ``server`` for an extension of the server, ``page`` for one of
            JupyterLab's page.
        purpose: What does not work without it.
    """

    package: str
    name: str
    kind: str
    purpose: str


PARTS = (
    JupyterPart("labkit", "labkit.jupyter.server_extension", "server", "layout and tools in terminals"),
    JupyterPart("jupyter-server-proxy", "jupyter_server_proxy", "server", "lab page behind Jupyter"),
    JupyterPart(
        "jupyter-server-proxy", "@jupyterhub/jupyter-server-proxy", "page", "tile and tab of the lab page"
    ),
    JupyterPart("jupyterlab-widgets", "@jupyter-widgets/jupyterlab-manager", "page", "widgets"),
    JupyterPart("anywidget", "anywidget", "page", "live views"),
)


def check_parts() -> Iterator[tuple[JupyterPart, str]]:
    """Yield each part, and what is wrong and what to do; "" if nothing.

    Only this environment and the user's settings are looked at: on a Hub,
    JupyterLab may run in another environment.

    Raises:
        ImportError: Jupyter is not installed here.
    """
    servers, pages, disabled = _enabled_servers(), _pages(), _disabled_pages()
    for part in PARTS:
        is_enabled = servers.get(part.name) if part.kind == "server" else part.name in pages or None
        off = [name for name in disabled if name.partition(":")[0] == part.name]
        if is_enabled is None:
            yield part, f"missing, so no {part.purpose}; next: {_installation(part.package)}"
        elif not is_enabled or (off and part.kind == "page"):
            word = part.name if part.kind == "server" else off[0]
            place = _file_with(word, part.kind) or "Jupyter's settings"
            yield part, f"disabled, so no {part.purpose}; next: remove {word} from {place}"
        else:
            yield part, ""


def _enabled_servers() -> dict[str, bool]:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager: Any = ExtensionConfigManager(read_config_path=jupyter_config_path())
    return dict(manager.get_jpserver_extensions())


def _file_with(word: str, kind: str) -> Path | None:
    """Return the first settings file that disables an extension."""
    from jupyter_core.paths import jupyter_config_path

    name = "jupyter_server_config" if kind == "server" else "labconfig/page_config"
    folders = [Path(folder) for folder in jupyter_config_path()]
    files = [
        file for each in folders for file in (each / f"{name}.json", *(each / f"{name}.d").glob("*.json"))
    ]
    files.append(Path(sys.prefix) / "share/jupyter/lab/settings/page_config.json")
    disabled = re.compile(rf'"{re.escape(word)}"\s*:\s*{"false" if kind == "server" else "true"}')
    return next((file for file in files if file.is_file() and disabled.search(file.read_text())), None)


def _pages() -> set[str]:
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    names = (part.name for part in PARTS if part.kind == "page")
    return {name for name in names if any((each / name / "package.json").is_file() for each in folders)}


def _disabled_pages() -> set[str]:
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_page_config

    settings = Path(sys.prefix) / "share/jupyter/lab/settings"
    page = get_page_config(jupyter_path("labextensions"), app_settings_dir=str(settings))
    return set(page.get("disabledExtensions", ()))


def _installation(package: str) -> str:
    if package == "labkit":
        return "install labkit again"
    with suppress(PackageNotFoundError):
        package = f"{package}=={version(package)}"
    return f"{sys.executable} -m pip install --force-reinstall --no-deps {package}"
