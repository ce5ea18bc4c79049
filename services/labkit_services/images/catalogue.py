"""Well-known images, available without a build and without a registry.

OpenFaaS's function store and its certifier deploy them. Each replaces the
container of the same name: same command, same response. The programs that a
machine may lack are in ``bin/``, other files of an image in ``files/``.
"""

from __future__ import annotations

from labkit_services.images.store import PROGRAMS, Image, normalise

_FILES = PROGRAMS.parent / "files"

_HTTP = {"mode": "http", "upstream_port": "any", "prefix_logs": "false"}
"""For of-watchdog's mode http, the only one in which a function sets its
status. Without a prefix in the log, as in OpenFaaS's templates."""


def _http(ref: str, program: str) -> Image:
    return Image(ref, fprocess=f"./handler {program}".rstrip(), environment=_HTTP, files=_FILES / "http")


_IMAGES = (
    Image("ghcr.io/openfaas/figlet:latest", fprocess="figlet"),
    # The classic watchdog on a small system: a deploy names the command;
    # without one it echoes.
    Image("ghcr.io/openfaas/alpine:latest", fprocess="cat"),
    Image("functions/alpine:latest", fprocess="cat"),
    Image("ghcr.io/openfaas/shasum:latest", fprocess="sha512sum"),
    # Their arguments are in the request's body. The machine's own hey, if it
    # has one, is first on the PATH.
    Image("ghcr.io/openfaas/curl:latest", fprocess="xargs curl"),
    Image("ghcr.io/openfaas/hey:latest", fprocess="xargs hey"),
    _http("ghcr.io/openfaas/nodeinfo:latest", "nodeinfo"),
    _http("ghcr.io/openfaas/printer:latest", "printer"),
    _http("ghcr.io/openfaas/sleep:latest", "sleep"),
    _http("ghcr.io/openfaas/chaos:latest", "chaos"),
    _http("ghcr.io/openfaas/chaos-fn:latest", "chaos"),
    _http("alexellis2/chaos-fn:0.1.1", "chaos"),
    _http("theaxer/redirector:latest", ""),
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
