"""printer: prints a request's headers and body to the log; responds with 202.

JSON is indented unless ``$RAW`` is true. As a callback's target it shows what
an asynchronous call sent back.
"""

from __future__ import annotations

import json
import os
import re
import sys

from labkit_services.images.functions.server import FunctionReply, IncomingRequest, serve

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_TRUE = ("1", "t", "T", "TRUE", "true", "True")  # of Go's strconv.ParseBool


def handle(request: IncomingRequest) -> FunctionReply:
    """Print the request; 500 for a body that is not the JSON that it says."""
    text = request.body.decode("utf-8", "replace")
    if os.environ.get("RAW") not in _TRUE and request.headers.get("Content-Type") == "application/json":
        try:
            text = indented(text)
        except ValueError as error:
            headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
            return FunctionReply(500, f"failed to format JSON body: {error}\n", headers)
    names = sorted({name.title() for name in request.headers} - {"Host", "Transfer-Encoding", "Connection"})
    lines = [f"{name}=[{' '.join(request.headers.get_all(name) or ())}]" for name in names]
    sys.stdout.write("\n".join([*lines, "", text, "", ""]))
    sys.stdout.flush()
    return FunctionReply(202)


def indented(text: str) -> str:
    """Indent JSON by four spaces; numbers and strings stay as they are."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ValueError("unexpected end of JSON input") from error
        raise ValueError(f"invalid character '{text[error.pos]}' looking for beginning of value") from error
    parts, depth, previous = [], 0, ""
    for piece in _PIECE.findall(text):
        opened = previous in ("{", "[")
        if piece in ("}", "]"):
            depth -= 1
            parts.append("" if opened else f"\n{'    ' * depth}")
        elif opened or previous == ",":
            parts.append(f"\n{'    ' * depth}")
        parts.append(": " if piece == ":" else piece)
        depth += piece in ("{", "[")
        previous = piece
    return "".join([*parts, text[len(text.rstrip()) :]])


if __name__ == "__main__":
    serve(handle)
