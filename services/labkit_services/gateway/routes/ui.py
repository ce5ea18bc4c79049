"""``/`` and ``/ui/``: redirects to the inspector's page."""

from __future__ import annotations

import json
from pathlib import Path

from labkit_services.contract.inspector_link import inspector_page
from labkit_services.gateway.routes import Route
from labkit_services.http import Request, Response


class UiRoutes:
    """Handlers; the inspector's page is the lab's user interface."""

    def __init__(self, lab_state: Path) -> None:
        self._lab_state = lab_state
        self.routes: list[Route] = [("GET", "/", self._root), ("GET", "/ui/{path...}", self._ui)]

    async def _root(self, _: Request, __: dict[str, str]) -> Response:
        return Response(307, [("Location", "/ui/")])

    async def _ui(self, _: Request, __: dict[str, str]) -> Response:
        # Read for each request: the lab writes the inspector's address when it
        # knows it.
        try:
            state = json.loads(self._lab_state.read_text())
        except (OSError, ValueError):
            state = {}
        if url := state.get("inspector_url"):
            page = inspector_page(url, state.get("inspector_token", ""))
            return Response(307, [("Location", page)])
        return Response.text(404, "this gateway runs without an inspector\n")
