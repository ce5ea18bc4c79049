"""Serves the browser code of pages as files: scripts, styles, words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from labkit_services.http import Request, Response

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    etag: str


class StaticFiles:
    """The files of some folders below ``root``, by their path from it.

    URLs mirror the source tree, so that a module's relative imports hold in
    both. Only files that exist when the first one is asked for are known;
    no path from a request is ever looked up on disk. Anybody may read them:
    they hold no secret.
    """

    def __init__(self, root: Path, folders: tuple[str, ...]) -> None:
        self._root = root
        self._folders = folders
        self._paths: dict[str, Path] = {}
        self._files: dict[str, _File] = {}

    def response(self, request: Request, name: str) -> Response:
        """Return the file ``name``, 304 if the client has it, or 404."""
        if request.method not in ("GET", "HEAD"):
            return Response.json(405, {"error": "a static file can only be read", "next": "use GET"})
        file = self._find(name)
        if file is None:
            return Response.json(
                404, {"error": "there is no such static file", "next": "open the page: GET /"}
            )
        # Ask again each time: after an update of labkit the old code would
        # meet the new API.
        headers = [("ETag", file.etag), ("Cache-Control", "no-cache"), ("Content-Type", file.content_type)]
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match").split(",")]
        if file.etag in known or known == ["*"]:
            return Response(304, headers)
        return Response(200, headers, file.content)

    def _find(self, name: str) -> _File | None:
        if not self._paths:
            self._paths = {
                path.relative_to(self._root).as_posix(): path
                for folder in self._folders
                for path in (self._root / folder).rglob("*")
                if path.suffix in _TYPES
            }
        if name not in self._files and (path := self._paths.get(name)) is not None:
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            self._files[name] = _File(content, _TYPES[path.suffix], etag)
        return self._files.get(name)
