"""Well-known images, available without a build and without a registry.

OpenFaaS's function store and its certifier deploy them. Each replaces the
container of the same name: same command, same response. The programs that a
machine may lack are in ``bin/``, other files of an image in ``files/``.
"""

from __future__ import annotations

from labkit_services.images.store import PROGRAMS, Image, normalise

_FILES = PROGRAMS.parent / "files"

_IMAGES = (
    Image("ghcr.io/openfaas/figlet:latest", fprocess="figlet"),
    # The classic watchdog on a small system: a deploy names the command;
    # without one it echoes.
    Image("ghcr.io/openfaas/alpine:latest", fprocess="cat"),
    Image("functions/alpine:latest", fprocess="cat"),
    # For of-watchdog's mode http, the only one in which a function sets its
    # status.
    Image(
        "theaxer/redirector:latest",
        fprocess="./handler",
        environment={"mode": "http", "upstream_port": "any"},
        files=_FILES / "redirector",
    ),
)

WELL_KNOWN = {image.ref: image for image in _IMAGES}


def find(ref: str) -> Image | None:
    """Return the well-known image of that name, or None.

    Any tag of ``python`` is the Python that the lab runs on.
    """
    name = normalise(ref)
    if name.startswith("python:"):
        return Image(name, files=_FILES / "python")
    return WELL_KNOWN.get(name)
