"""What a learner sees first: copies of the notebooks, in a layout of panes.

Only in a learner's folder. For other projects that use this environment,
JupyterLab is what it is without labkit.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from labkit.jupyter.layout import NAME, first_layout, with_base_url
from labkit.notebook_copies.copies import FOLDER, NotebookCopies, first_notebook
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError

PAGE = f"/lab/workspaces/{NAME}"


def learner_folder(root: Path) -> Path | None:
    """Return the folder for a learner's copies, or None if it is none.

    It is ``$LABKIT_WORKSPACE`` if the server shows it; or the server's root
    folder, if it has copies already or is a clone of labkit. A lab's
    ``.labkit`` does not count: any project may start a lab.

    Args:
        root: The server's root folder.
    """
    root = root.resolve()
    if chosen := os.environ.get("LABKIT_WORKSPACE"):
        folder = Path(os.path.expanduser(chosen)).resolve()
        return folder if folder.is_relative_to(root) else None
    is_clone = (root / first_notebook().replace(FOLDER, "notebooks")).is_file()
    return root if is_clone or (root / FOLDER).is_dir() else None


def open_in_our_layout(server: Any) -> None:
    """Let a plain ``jupyter lab`` start in our layout in a learner's folder.

    An address that the user, or a Hub, has set stays.
    """
    is_set = "default_url" in server.config.ServerApp or "JUPYTERHUB_DEFAULT_URL" in os.environ
    if is_set or learner_folder(Path(server.root_dir)) != Path(server.root_dir).resolve():
        return
    for app in _jupyterlab(server):
        if app.default_url == "/lab":
            app.default_url = PAGE


def prepare(server: Any) -> None:
    """Make the copies, and the layout if the user has none of that name.

    Without a folder to write to, JupyterLab starts all the same.
    """
    root = Path(server.root_dir).resolve()
    folder = learner_folder(root)
    if folder is None:
        return
    try:
        for change in NotebookCopies(Workspace(folder)).update():
            if change.is_news:
                server.log.info("labkit | %s", change.sentence)
    except LabError as error:
        server.log.warning("labkit | %s", error)
        return
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    for app in _jupyterlab(server):
        notebook = _named_by(app.default_url) or prefix + first_notebook()
        layout = first_layout(notebook, prefix.rstrip("/"), server.base_url)
        try:
            _write_layout(app.workspaces_dir, layout, server.base_url)
        except (OSError, ValueError, LookupError, TypeError) as error:
            server.log.warning("labkit | JupyterLab's workspace %s could not be written: %s", NAME, error)


def _named_by(url: str) -> str:
    """Return the notebook that the first page opens by its address, or ""."""
    _, tree, path = url.partition(f"{PAGE}/tree/")
    return unquote(path) if tree else ""


def _write_layout(folder: str, layout: dict[str, Any], base_url: str) -> None:
    # Imported on use: only a server with JupyterLab has it.
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    workspaces = WorkspacesManager(folder)
    saved = workspaces.load(NAME)
    wanted = with_base_url(saved, base_url) if saved["data"] else layout
    if wanted != saved:
        workspaces.save(NAME, json.dumps(wanted))


def _jupyterlab(server: Any) -> Any:
    return server.extension_manager.extension_apps.get("jupyterlab", ())
