"""Base images and wheels of local files, for deploy/ where there is neither a registry nor an index."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import tarfile
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import docker
import pip
from docker_engine import STORE_IMAGE
from packaging.requirements import Requirement

from labkit.supervisor.nats_server import find_nats_server

ROOT = Path(__file__).parents[1]
PYTHON_IMAGE = "docker.io/library/python:3.13-slim"
NATS_IMAGE = "docker.io/library/nats:2.12-alpine"
LOCK = "deploy/requirements.lock"

_PACKAGES = "/opt/python/lib/python*/site-packages"
_PYTHON = f"""\
FROM {STORE_IMAGE}
ADD pip.tar /tmp/
RUN rm -rf {_PACKAGES}/* /usr/bin/fwatchdog && mv /tmp/pip {_PACKAGES}/
"""
_NATS = f"""\
FROM {STORE_IMAGE}
ADD nats.tar /
"""


def import_base_images(client: docker.DockerClient) -> None:
    """Make the images that the Containerfile and the compose file ask for.

    Python has pip and no package; nats has the lab's nats-server.
    """
    pip_tar = _tar({Path(pip.__file__).parent: "pip"})
    _build(client, PYTHON_IMAGE, _PYTHON, "pip.tar", pip_tar)
    nats_tar = _tar({Path(find_nats_server({})): "usr/bin/nats-server"})
    _build(client, NATS_IMAGE, _NATS, "nats.tar", nats_tar)


def _tar(files: dict[Path, str]) -> bytes:
    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        return None if entry.name.endswith("__pycache__") else entry

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path, name in files.items():
            archive.add(path.resolve(), name, filter=kept)
    return file.getvalue()


def _build(client: docker.DockerClient, image: str, dockerfile: str, name: str, content: bytes) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path, data in (("Dockerfile", dockerfile.encode()), (name, content)):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=image, rm=True, pull=False)


def copy_context(folder: Path) -> None:
    """Copy what .dockerignore lets through, with wheels and their hashes in the lock."""
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns(".env", "secrets"))
    shutil.copy(ROOT / ".dockerignore", folder)
    services = "services/labkit_services"
    shutil.copytree(ROOT / services, folder / services, ignore=shutil.ignore_patterns("__pycache__"))
    wheels = folder / "deploy/wheels"
    wheels.mkdir(exist_ok=True)
    lines = []
    for requirement in locked(folder / LOCK):
        if requirement.marker is None or requirement.marker.evaluate():
            wheel = make_wheel(distribution(requirement.name), wheels)
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{requirement.name}{requirement.specifier} --hash=sha256:{digest}\n")
    (folder / LOCK).write_text("".join(lines))


def locked(file: Path) -> list[Requirement]:
    """Return the requirements of a lock file, without their hashes."""
    lines = [line for line in file.read_text().splitlines() if line and line[0] not in " #"]
    return [Requirement(line.rstrip("\\ ")) for line in lines]


def make_wheel(package: Distribution, folder: Path) -> Path:
    """Pack an installed package as the wheel that it came from, without its programs."""
    tag = next(
        line.split(": ")[1]
        for line in str(package.read_text("WHEEL")).splitlines()
        if line.startswith("Tag: ")
    )
    name = package.metadata["Name"].replace("-", "_").replace(".", "_")
    wheel = folder / f"{name}-{package.version}-{tag}.whl"
    record = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in package.files or []:
            if path.parts[0] == ".." or path.suffix == ".pyc" or path.name in ("RECORD", "INSTALLER"):
                continue
            content = path.read_binary()
            archive.writestr(str(path), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}")
        info = next(path.parent for path in package.files or [] if path.name == "METADATA")
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
    return wheel
