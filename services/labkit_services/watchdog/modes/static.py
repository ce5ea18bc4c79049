"""Mode static: files from a folder, as Go's ``http.FileServer`` serves them.

That is what of-watchdog uses.
"""

from __future__ import annotations

import contextlib
import html
import os
import posixpath
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from labkit_services.http import Request, Response
from labkit_services.http.encoding import http_date
from labkit_services.http.paths import clean, escape
from labkit_services.watchdog.mime_sniffing import SNIFFED_BYTES, detect_content_type
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.response_relay import ResponseRelay
from labkit_services.watchdog.program import FunctionProgram

_TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".xml": "text/xml; charset=utf-8",
}
"""Types that Go knows without the system's table, which few images have.
Others are detected."""

_LISTING_HEAD = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n'
_CHUNK = 256 * 1024


class StaticBackend(Backend):
    """Serves files; for a folder its ``index.html``, else a listing."""

    def __init__(self, program: FunctionProgram) -> None:
        super().__init__(program)
        self._root = os.fsencode(self._config.static_path)
        self._log.line(f"Serving files at: {self._config.static_path}")

    async def respond(self, request: Request) -> Response:
        """Return the file of the path. As in Go, any method is allowed."""
        decoded = unquote(request.path, encoding="latin-1")
        if (cleaned := clean(decoded)) != decoded:
            return _moved(escape(cleaned), request)
        path = decoded.encode("latin-1")
        if path.endswith(b"/index.html"):
            return _moved("./", request)
        try:
            return self._resource(path, request)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # a NUL byte is a ValueError
            return _error(404, "404 page not found")
        except PermissionError:
            return _error(403, "403 Forbidden")
        except OSError as error:
            self._log.error(f"{request.method} {request.target}: {error}")
            return _error(500, "500 Internal Server Error")

    def _resource(self, path: bytes, request: Request) -> Response:
        file_path = self._root + path
        is_folder = stat.S_ISDIR(os.stat(file_path.rstrip(b"/") or b"/").st_mode)
        name = quote(posixpath.basename(path.rstrip(b"/")))
        if is_folder and not path.endswith(b"/"):
            return _moved(f"{name}/", request)
        if not is_folder and path.endswith(b"/"):
            return _moved(f"../{name}", request)
        if not is_folder:
            return _file(file_path, request)
        try:
            return _file(file_path + b"index.html", request)
        except FileNotFoundError:
            return _listing(file_path, request)


def _file(path: bytes, request: Request) -> Response:
    # Without O_NONBLOCK, opening a named pipe would block the whole watchdog
    # until it has a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.ExitStack() as resources:
        resources.callback(os.close, descriptor)
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise PermissionError(path)
        headers = [("Last-Modified", http_date(int(info.st_mtime)))]
        if _is_unmodified(info, request):
            return Response(304, headers)
        extension = os.fsdecode(os.path.splitext(path)[1]).lower()
        content_type = _TYPES.get(extension) or detect_content_type(os.pread(descriptor, SNIFFED_BYTES, 0))
        headers += [("Content-Type", content_type), ("Content-Length", str(info.st_size))]
        body = ResponseRelay(_parts(descriptor, info.st_size), resources.pop_all().close)
        return Response(200, headers, body)


async def _parts(descriptor: int, size: int) -> AsyncIterator[bytes]:
    while size > 0 and (part := os.read(descriptor, min(size, _CHUNK))):
        size -= len(part)
        yield part


def _listing(path: bytes, request: Request) -> Response:
    info = os.stat(path)
    headers = [("Last-Modified", http_date(int(info.st_mtime)))]
    if _is_unmodified(info, request):
        return Response(304, headers)
    with os.scandir(path) as entries:
        names = sorted(e.name + b"/" if e.is_dir(follow_symlinks=False) else e.name for e in entries)
    links = (f'<a href="{quote(name)}">{html.escape(os.fsdecode(name))}</a>\n' for name in names)
    page = f"{_LISTING_HEAD}<pre>\n{''.join(links)}</pre>\n"
    headers.append(("Content-Type", "text/html; charset=utf-8"))
    return Response(200, headers, page.encode("utf-8", "replace"))


def _is_unmodified(info: os.stat_result, request: Request) -> bool:
    """Return whether the client has this version, by ``If-Modified-Since``."""
    if request.method not in ("GET", "HEAD"):
        return False
    try:
        since = datetime.strptime(request.headers.get("If-Modified-Since"), "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return False
    return int(info.st_mtime) <= since.replace(tzinfo=UTC).timestamp()


def _moved(location: str, request: Request) -> Response:
    return Response(301, [("Location", f"{location}?{request.query}" if request.query else location)])


def _error(status: int, text: str) -> Response:
    return Response.error(status, f"{text}\n")
