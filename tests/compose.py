"""The compose file of deploy/, run by a real Compose on the tests' engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker_engine import DockerEngine

_SECONDS = 120.0


def compose_command() -> list[str]:
    """Return how Compose is called here; skip the test where there is none."""
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    if program := shutil.which("docker-compose"):
        return [program]
    if os.environ.get("LABKIT_TEST_DOCKER") == "required":
        pytest.fail("in continuous integration these tests must run: docker-compose is not installed")
    pytest.skip("not installed: docker-compose")


@dataclass(frozen=True)
class Compose:
    """The services of deploy/compose.yaml, of a copy in ``folder``."""

    engine: DockerEngine
    client: docker.DockerClient
    folder: Path

    def run(self, *arguments: str) -> str:
        """Run a command of Compose; return what it prints."""
        done = subprocess.run(
            [*compose_command(), "-p", self.project, "-f", "deploy/compose.yaml", *arguments],
            cwd=self.folder,
            # Without BuildKit, which needs a plugin; on any ports.
            env={
                **os.environ,
                "DOCKER_HOST": self.engine.url,
                "DOCKER_BUILDKIT": "0",
                "COMPOSE_DOCKER_CLI_BUILD": "0",
                "PIP_NO_INDEX": "1",
                "GATEWAY_PORT": "0",
                "INSPECTOR_PORT": "0",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    @property
    def project(self) -> str:
        """The name of the containers' group; any others are not touched."""
        return f"labkit{self.folder.name.replace('_', '')}".lower()

    def url(self, service: str, port: int) -> str:
        """Return where a service's port is published."""
        (container,) = self.containers(service)
        (bound,) = container.ports[f"{port}/tcp"]
        return f"http://{bound['HostIp']}:{bound['HostPort']}"

    def containers(self, *services: str) -> list[Any]:
        """Return the containers of services."""
        labels = {"label": f"com.docker.compose.project={self.project}"}
        found = self.client.containers.list(all=True, filters=labels)
        return [one for one in found if one.labels["com.docker.compose.service"] in services]

    def secret(self, name: str) -> str:
        """Return a secret that deploy/secrets.sh has made."""
        return (self.folder / "deploy/secrets" / name).read_text()

    def setting(self, name: str) -> str:
        """Return a value of deploy/.env."""
        lines = (self.folder / "deploy/.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]
