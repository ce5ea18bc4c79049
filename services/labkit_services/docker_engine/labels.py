"""How containers and networks of labs are marked, listed and removed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from docker import DockerClient
from docker.errors import APIError, NotFound

from labkit_services.docker_engine.connection import explained

LAB, WORKSPACE = "labkit.lab", "labkit.workspace"
"""Labels of everything that a lab makes in the engine."""


_REMOVED_AT_ONCE = 8


class LabLabels(NamedTuple):
    """The labels of one workspace's lab.

    They are the same at each start, so that a lab finds what an earlier one
    left behind.
    """

    lab: str
    workspace: str

    @classmethod
    def of(cls, workspace: str) -> LabLabels:
        """Return the labels of the lab in a folder, given by absolute path."""
        return cls(hashlib.sha256(workspace.encode(errors="surrogateescape")).hexdigest()[:12], workspace)

    def as_dict(self) -> dict[str, str]:
        """Return the labels as the engine takes them."""
        return {LAB: self.lab, WORKSPACE: self.workspace.encode(errors="replace").decode()}


class Leftover(NamedTuple):
    """A container or a network of a lab."""

    kind: str
    name: str
    lab: str
    workspace: str


def leftovers(client: DockerClient) -> list[Leftover]:
    """Return the containers and networks of all labs."""
    found: list[Leftover] = []
    with explained():
        filters = {"label": LAB}
        rows: list[tuple[str, dict[str, Any]]] = [
            *(("container", row) for row in client.api.containers(all=True, filters=filters)),
            *(("network", row) for row in client.api.networks(filters=filters)),
        ]
    for kind, row in rows:
        name = row.get("Name") or row["Names"][0].removeprefix("/")
        found.append(Leftover(kind, name, row["Labels"][LAB], row["Labels"].get(WORKSPACE, "")))
    return found


def remove_containers(client: DockerClient, lab: str, keep: Collection[str] = ()) -> int:
    """Remove a lab's containers, except those with the ids ``keep``.

    Returns how many there were.
    """
    with explained():
        rows = client.api.containers(all=True, filters={"label": f"{LAB}={lab}"})
        strays = [row["Id"] for row in rows if row["Id"] not in keep]
        with ThreadPoolExecutor(_REMOVED_AT_ONCE) as threads:
            list(threads.map(partial(remove_container, client), strays))
    return len(strays)


def remove_container(client: DockerClient, container: str) -> None:
    """Kill a container and remove it with its volumes, if it exists."""
    try:
        client.api.remove_container(container, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # it is being removed already
            raise


def remove_network(client: DockerClient, lab: str) -> None:
    """Remove a lab's networks."""
    with explained():
        for row in client.api.networks(filters={"label": f"{LAB}={lab}"}):
            with suppress(NotFound):
                client.api.remove_network(row["Id"])
