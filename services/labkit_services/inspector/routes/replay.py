"""Sending a captured request again."""

from __future__ import annotations

from labkit_services.http import Request, Response
from labkit_services.inspector.resend.replay_request import Replay
from labkit_services.inspector.resend.replayer import Replayer
from labkit_services.inspector.routes.route_group import PathValues, Route, find_record, read_object
from labkit_services.inspector.storage.bin_store import BinStore

_BYTES = 2 * 1024 * 1024


class ReplayRoutes:
    """The route of replays."""

    def __init__(self, store: BinStore, replayer: Replayer) -> None:
        self._store = store
        self._replayer = replayer
        self.routes: list[Route] = [("POST", "/api/v1/bins/{bin}/requests/{id}/replay", self._replay)]

    async def _replay(self, request: Request, path: PathValues) -> Response:
        replay = Replay.parse(await read_object(request, _BYTES))
        return Response.json(201, await self._replayer.replay(find_record(self._store, path), replay))
