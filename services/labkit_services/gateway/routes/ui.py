"""``/`` and ``/ui/``: a page for browsers, and the way to the inspector."""

from __future__ import annotations

import json
from pathlib import Path

from labkit_services.contract.errors import UnsafePathError
from labkit_services.contract.inspector_link import inspector_page
from labkit_services.contract.names import JUPYTER_PAGE
from labkit_services.files.own_file import read_own
from labkit_services.gateway.routes import Route
from labkit_services.http import Request, Response
from labkit_services.web.html_page import HtmlPage
from labkit_services.web.navigation import is_navigation

_HOME = Path(__file__).parents[1] / "home.html"


class UiRoutes:
    """Handlers; the inspector's page is the lab's user interface.

    To programs ``/`` is OpenFaaS's redirect, which leads a browser to a dialog
    for a password. A browser gets a page instead.
    """

    def __init__(self, lab_state: Path) -> None:
        self._lab_state = lab_state
        self._home = HtmlPage(_HOME)
        self.routes: list[Route] = [("GET", "/", self._root), ("GET", "/ui/{path...}", self._ui)]

    async def _root(self, request: Request, _: dict[str, str]) -> Response:
        if is_navigation(request):
            return self._home.response()
        return Response(307, [("Location", "/ui/")])

    async def _ui(self, request: Request, _: dict[str, str]) -> Response:
        if request.by_owner:
            # Behind Jupyter's server, where the inspector's page is next to
            # the gateway, and needs no token.
            up = "../" * request.path.count("/")
            return Response(307, [("Location", f"{up}{JUPYTER_PAGE}/")])
        # Read for each request: the lab writes the inspector's address when it
        # knows it.
        try:
            with read_own(self._lab_state) as file:
                state = json.load(file)
        except (OSError, ValueError, UnsafePathError):
            state = {}
        if url := state.get("inspector_url"):
            page = inspector_page(url, state.get("inspector_token", ""))
            return Response(307, [("Location", page)])
        return Response.error(404, "this gateway runs without an inspector\n")
