"""redirector: responds with 302 to ``$destination``, for the certifier."""

from __future__ import annotations

import os

from labkit_services.images.functions.server import FunctionReply, IncomingRequest, serve


def redirect(_: IncomingRequest) -> FunctionReply:
    """Respond to every request alike."""
    return FunctionReply(302, headers={"Location": os.environ.get("destination", "/")})  # noqa: SIM112 - its name


if __name__ == "__main__":
    serve(redirect)
