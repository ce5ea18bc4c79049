"""The REST API under ``/api/v1``: puts the modules of this room together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from labkit_services.contract.headers import RUN_ID
from labkit_services.contract.names import VERSION
from labkit_services.http import Request, Response, Router
from labkit_services.inspector.errors import OtherRunError
from labkit_services.inspector.routes.route_group import PathValues, RouteGroup

_FIRST_CELL = "run the notebook's first cell again, and show this view again"


class InspectorApi:
    """The API's routes. Access to those below ``/api`` was checked before.

    Attributes:
        open_paths: The other paths, which everybody may read.
    """

    def __init__(self, groups: Iterable[RouteGroup], run_id: Callable[[], str | None] = lambda: None) -> None:
        """Put the routes together; ``run_id`` returns the running lab's."""
        self._run_id = run_id
        self.router = Router()
        self.open_paths: set[str] = set()
        self.router.add("GET", "/api/v1/version", self._version)
        for group in groups:
            for methods, pattern, handler in group.routes:
                self.router.add(methods, pattern, handler)
                if not pattern.startswith("/api/"):
                    self.open_paths.add(pattern)

    def check_run(self, request: Request) -> None:
        """Raise OtherRunError if the request names another run of the lab.

        A page that stays open over a restart must not change the next lab.
        """
        wanted = request.headers.get(RUN_ID)
        if wanted and wanted != (seen := self._run_id()):
            raise OtherRunError(expected=f"run {wanted[:80]!a}", seen=f"run {seen}", next_step=_FIRST_CELL)

    async def _version(self, _request: Request, _path: PathValues) -> Response:
        """Describe the inspector; by ``run_id`` a client knows its lab."""
        return Response.json(200, {"name": "inspector", "version": VERSION, "run_id": self._run_id()})
