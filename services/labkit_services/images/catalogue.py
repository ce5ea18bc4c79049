"""Well-known images, answered without a build and without a registry.

They are what OpenFaaS's function store and its certifier deploy. Each stands
in for the container of the same name: same command, same answer. What a
command needs and a machine may lack lies in ``services/labkit_services/images/bin``, and what
an image holds besides in ``services/labkit_services/images/files``.
"""

from __future__ import annotations

from labkit_services.images.store import PROGRAMS, Image, normalise

_FILES = PROGRAMS.parent / "files"

_FIGLET = Image("ghcr.io/openfaas/figlet:latest", fprocess="figlet")

# The classic watchdog over a small system: a deploy names the command, and without one it echoes.
_ALPINE = (
    Image("ghcr.io/openfaas/alpine:latest", fprocess="cat"),
    Image("functions/alpine:latest", fprocess="cat"),
)

# Of of-watchdog's mode http: only there a function chooses its status.
_REDIRECTOR = Image(
    "theaxer/redirector:latest",
    fprocess="./handler",
    environment={"mode": "http", "upstream_port": "any"},
    files=_FILES / "redirector",
)

WELL_KNOWN = {image.ref: image for image in (_FIGLET, *_ALPINE, _REDIRECTOR)}


def find(ref: str) -> Image | None:
    """Return the well-known image of that name, or None.

    Of ``python`` any tag will do: all of them are the Python that the lab runs on.

    Raises:
        InvalidValueError: ``ref`` is no image name.
    """
    name = normalise(ref)
    if name.startswith("python:"):
        return Image(name, files=_FILES / "python")
    return WELL_KNOWN.get(name)
