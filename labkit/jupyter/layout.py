"""JupyterLab's layout for the lab: a workspace document, as data; pure.

Its keys are those of JupyterLab's layout restorer: ``NAMESPACE:NAME`` of a
widget, and the arguments of the command that opens it again.
"""

from __future__ import annotations

from typing import Any

from labkit_services.contract.names import JUPYTER_PAGE

NAME = "labkit"
"""The workspace's: ``/lab/workspaces/labkit``, beside the ``default``."""
_LAB_PAGE = f"server-proxy:{JUPYTER_PAGE}"
"""What jupyter-server-proxy's tab of its entry of the page is called."""
_LAB_PAGE_WIDGET = f"server-proxy:{_LAB_PAGE}"
_TERMINAL = "1"


def first_layout(notebook: str, folder: str, base_url: str) -> dict[str, Any]:
    """Return the layout of a first start: three panes.

    The notebook is on the left; on the right the lab's page, and a terminal
    below it.

    Args:
        notebook: Its path, relative to the server's root folder.
        folder: The lab's folder, relative to it, where the terminal opens; ""
            for the root folder itself.
        base_url: The server's, such as ``/user/x/``.
    """
    notebook_widget, terminal_widget = f"notebook:{notebook}", f"terminal:{_TERMINAL}"
    right = {
        "type": "split-area",
        "orientation": "vertical",
        "sizes": [0.78, 0.22],
        "children": [_tab(_LAB_PAGE_WIDGET), _tab(terminal_widget)],
    }
    dock = {
        "type": "split-area",
        "orientation": "horizontal",
        "sizes": [0.52, 0.48],
        "children": [_tab(notebook_widget), right],
    }
    shell = {
        "main": {"dock": dock, "current": notebook_widget},
        "left": {"collapsed": True, "visible": True, "current": "", "widgets": ["filebrowser"]},
        "right": {"collapsed": True, "visible": True, "widgets": []},
        "relativeSizes": [0, 1, 0],
    }
    page = {"url": _lab_page_url(base_url), "title": "Lab page", "newBrowserTab": False, "id": _LAB_PAGE}
    data = {
        "layout-restorer:data": shell,
        "file-browser-filebrowser:cwd": {"path": notebook.rpartition("/")[0]},
        notebook_widget: {"data": {"path": notebook, "factory": "Notebook"}},
        terminal_widget: {"data": {"name": _TERMINAL, **({"cwd": folder} if folder else {})}},
        _LAB_PAGE_WIDGET: {"data": page},
    }
    return {"metadata": {"id": NAME}, "data": data}


def with_base_url(layout: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Return a layout whose lab page is this server's.

    JupyterLab saves the whole address of a tab that was opened from the
    launcher. At the next start, the server may have another port or prefix.
    """
    data = layout["data"]
    if _LAB_PAGE_WIDGET not in data:
        return layout
    page = {**data[_LAB_PAGE_WIDGET]["data"], "url": _lab_page_url(base_url)}
    return {**layout, "data": {**data, _LAB_PAGE_WIDGET: {"data": page}}}


def _lab_page_url(base_url: str) -> str:
    return f"{base_url.rstrip('/')}/{JUPYTER_PAGE}/"


def _tab(widget: str) -> dict[str, Any]:
    return {"type": "tab-area", "currentIndex": 0, "widgets": [widget]}
