"""The lab behind Jupyter's server: entry points of jupyter-server-proxy.

``{base}labkit/`` is the inspector's page, with a tile in the launcher;
``{base}labkit-gateway/`` is the gateway. Both are reached by their owner's
sockets, so Jupyter's log-in is theirs. No process is started for them: the lab
is the notebook's. ``proxy_handlers.py`` serves the same addresses before
jupyter-server-proxy does, and knows what to show while no lab runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.owner_sockets import OwnerSockets
from labkit.service_names import GATEWAY, INSPECTOR
from labkit.workspace import Workspace

_ICON = Path(__file__).with_name("lab_page.svg")


def page() -> dict[str, Any]:
    """Return the entry of the page, which opens as a tab of JupyterLab."""
    # JupyterLab shows a tile's own icon in the category Notebook only.
    tile = {"title": "Lab page", "category": "Notebook", "icon_path": str(_ICON)}
    return {**_proxied(INSPECTOR), "launcher_entry": tile, "new_browser_tab": False}


def gateway() -> dict[str, Any]:
    """Return the entry of the gateway, which has no tile."""
    return {**_proxied(GATEWAY), "launcher_entry": {"enabled": False}}


def _proxied(service: str) -> dict[str, Any]:
    # The server's folder is not known here; most servers run in it.
    socket = OwnerSockets.of(Workspace.of_folder("")).path(service)
    return {"unix_socket": socket, "absolute_url": False}
