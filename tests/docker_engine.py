"""A Docker engine of the tests' own, with base images made of local files.

There is no image registry. The images have the names that templates ask for: a BusyBox with this machine's
Python and the lab's watchdog, which is what ``/fwatchdog`` starts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from eventually import eventually

WATCHDOG_IMAGES = ("ghcr.io/openfaas/classic-watchdog:0.3.3", "ghcr.io/openfaas/of-watchdog:0.10.7")
SYSTEM_IMAGES = ("alpine:3.21.3", "python:3.12-alpine")
STORE_IMAGE = "functions/alpine:latest"

_ROOT = Path(__file__).parent.parent
_SERVICES = _ROOT / "services/labkit_services"
_START_SECONDS = 30.0
_LEFT_OUT = re.compile(
    r"(test|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-.*|site-packages|__pycache__|pydoc_data)$"
)
_FWATCHDOG = (
    '#!/bin/sh\nexec env listen_address=0.0.0.0 /opt/python/bin/python3 -m labkit_services.watchdog "$@"\n'
)
_SCRIPTS = {
    # BusyBox of Debian has neither, and there is no network for the others.
    "usr/sbin/addgroup": """#!/bin/sh
for name; do :; done
echo "$name:x:101:" >>/etc/group
""",
    "usr/sbin/adduser": """#!/bin/sh
for name; do :; done
echo "$name:x:100:101::/home/$name:/bin/sh" >>/etc/passwd
mkdir -p /home/$name
chown 100:101 /home/$name
""",
    "sbin/apk": '#!/bin/sh\necho "(1/1) Installing $*"\n',
    "usr/bin/pip": '#!/bin/sh\necho "Requirement already satisfied: $*"\n',
    "usr/bin/figlet": '#!/bin/sh\nread -r text\nexec /opt/python/bin/python3 -m pyfiglet "$text"\n',
    "usr/bin/python3": '#!/bin/sh\nexec /opt/python/bin/python3 "$@"\n',
}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def obstacle() -> str:
    """Return why no engine can be started here, "" if one can."""
    if not sys.platform.startswith("linux"):
        return f"no Docker engine of the tests' own on {sys.platform}"
    if os.geteuid() != 0:
        return "a Docker engine needs root"
    missing = [name for name in ("dockerd", "iptables", "busybox") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else ""


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[DockerEngine]:
    """Run an engine with the base images; leave nothing of it behind."""
    running = DockerEngine(folder)
    running.start()
    try:
        running.import_base_images()
        yield running
    finally:
        running.remove()


class DockerEngine:
    """One ``dockerd``; what it stores is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        # A socket's path has at most 107 bytes.
        self._folder = folder
        self._run = Path(tempfile.mkdtemp(prefix="lk-docker-"))
        self.url = f"unix://{self._run}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.url, timeout=60)

    def start(self) -> None:
        command = ["dockerd", "--data-root", f"{self._folder}/data", "--exec-root", f"{self._run}/exec"]
        command += ["-H", self.url, "--pidfile", f"{self._run}/pid"]
        log = (self._folder / "dockerd.log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            assert self._process.poll() is None, (self._folder / "dockerd.log").read_text()[-2000:]
            with (
                contextlib.suppress(docker.errors.DockerException),
                contextlib.closing(self.client()) as client,
            ):
                client.ping()
                return
            assert time.monotonic() < deadline, (self._folder / "dockerd.log").read_text()[-2000:]
            time.sleep(0.1)

    def kill(self) -> None:
        """End the engine without notice, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        Path(self._run / "pid").unlink(missing_ok=True)
        # Its child process ends with it, but not at the same moment.
        eventually(lambda: not self._containerd())

    def _containerd(self) -> bool:
        found = subprocess.run(
            ["pgrep", "-f", f"^containerd --config {self._run}/"], capture_output=True, check=False
        )
        return found.returncode == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Stop the engine and remove all that it has made."""
        if self._process is not None:
            with contextlib.closing(self.client()) as client:
                for container in client.containers.list(all=True):
                    with contextlib.suppress(docker.errors.APIError):
                        container.remove(force=True, v=True)
                client.networks.prune()
        self.stop()
        subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def import_base_images(self) -> None:
        with contextlib.closing(self.client()) as client, tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                _add_system(archive)
            for ref in SYSTEM_IMAGES:
                file.seek(0)
                _import(client, file, ref)
            _import(client, _archive_of({"fwatchdog": _FWATCHDOG}), WATCHDOG_IMAGES[0])
            _import(client, _archive_of({"fwatchdog": _FWATCHDOG}), WATCHDOG_IMAGES[1])
            dockerfile = (
                f"FROM {SYSTEM_IMAGES[0]}\nCOPY --from={WATCHDOG_IMAGES[0]} /fwatchdog /usr/bin/fwatchdog\n"
                'ENV fprocess="cat"\nCMD ["fwatchdog"]\n'
            )
            client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=STORE_IMAGE, rm=True)


def _import(client: docker.DockerClient, file: io.IOBase | tempfile._TemporaryFileWrapper, ref: str) -> None:
    name, _, tag = ref.rpartition(":")
    client.api.import_image_from_data(
        file, repository=name, tag=tag, changes=["ENV PATH=/usr/bin:/bin:/usr/sbin:/sbin"]
    )


def _archive_of(scripts: dict[str, str]) -> io.BytesIO:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path, text in scripts.items():
            _add_text(archive, path, text, 0o755)
    file.seek(0)
    return file


def _add_text(archive: tarfile.TarFile, path: str, text: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(text.encode()), mode
    archive.addfile(entry, io.BytesIO(text.encode()))


def _add_folder(archive: tarfile.TarFile, path: str, mode: int = 0o755) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def _add_system(archive: tarfile.TarFile) -> None:
    """Add a BusyBox with Python, its libraries, and the lab's services."""
    for path in (
        "bin",
        "etc",
        "home",
        "lib",
        "lib64",
        "opt",
        "proc",
        "root",
        "sbin",
        "sys",
        "usr",
        "usr/bin",
        "usr/sbin",
    ):
        _add_folder(archive, path)
    _add_folder(archive, "tmp", 0o1777)
    busybox = str(shutil.which("busybox"))
    archive.add(os.path.realpath(busybox), "bin/busybox")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        link = tarfile.TarInfo(f"bin/{applet}")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        if applet != "busybox":
            archive.addfile(link)
    for path, text in _SCRIPTS.items():
        _add_text(archive, path, text, 0o755)
    for path, text in _FILES.items():
        _add_text(archive, path, text, 0o644)
    _add_python(archive)


def _add_python(archive: tarfile.TarFile) -> None:
    executable = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    target = f"opt/python/lib/{library.name}"

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        return None if _LEFT_OUT.search(entry.name) else entry

    archive.add(executable, "opt/python/bin/python3")
    archive.add(library, target, filter=kept)
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    for package in ("httptools", "uvloop", "pyfiglet"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).parent
            archive.add(folder, f"{target}/site-packages/{package}", filter=kept)
            extensions += sorted(folder.rglob("*.so"))
    archive.add(_SERVICES, f"{target}/site-packages/labkit_services", filter=kept)
    for path in _shared_libraries([executable, *extensions]):
        archive.add(
            path.resolve(), f"lib64/{path.name}" if path.name.startswith("ld-") else f"lib/{path.name}"
        )


def _shared_libraries(programs: list[Path]) -> set[Path]:
    """Return the shared libraries that programs need, by the names that they ask for."""
    output = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=True).stdout
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", output)}


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """The engine that all tests of this process share."""
    if why := obstacle():
        if os.environ.get("CI"):
            pytest.fail(f"in CI these tests must run: {why}")
        pytest.skip(why)
    with engine(tmp_path_factory.mktemp("docker")) as running:
        yield running
