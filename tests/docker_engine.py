"""A Docker engine of the tests' own, with base images made of local files.

There is no image registry. The images have the names that templates ask for: a BusyBox with this machine's
Python and the lab's watchdog, which is what ``/fwatchdog`` starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import docker
import psutil
import pytest
from eventually import eventually

WATCHDOG_IMAGES = ("ghcr.io/openfaas/classic-watchdog:0.3.3", "ghcr.io/openfaas/of-watchdog:0.10.7")
SYSTEM_IMAGES = ("alpine:3.21.3", "python:3.12-alpine")
STORE_IMAGE = "functions/alpine:latest"

_ROOT = Path(__file__).parent.parent
_SERVICES = _ROOT / "services/labkit_services"
_CHANGES = ["ENV PATH=/usr/bin:/bin:/usr/sbin:/sbin", "ENV fprocess=cat", 'CMD ["fwatchdog"]']
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
    "usr/bin/fwatchdog": _FWATCHDOG,
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
def private_engine(folder: Path, *options: str) -> Iterator[DockerEngine]:
    """Run an engine of one test's own, which it may kill."""
    running = DockerEngine(folder, Path(tempfile.mkdtemp(prefix="lk-docker-")))
    try:
        # The packet filter stays as the other engine has it.
        running.start("--iptables=false", *options)
        yield running
    finally:
        running.remove()


@contextlib.contextmanager
def shared_engine(folder: Path) -> Iterator[DockerEngine]:
    """Use the one engine of a test run; the first user starts it, the last one stops it.

    The run's processes share ``folder``.
    """
    if why := obstacle():
        if os.environ.get("LABKIT_TEST_DOCKER") == "required":
            pytest.fail(f"in continuous integration these tests must run: {why}")
        pytest.skip(why)
    record, users = folder / "docker-engine", folder / "docker-users"
    with _locked(folder):
        if not record.exists():
            running = DockerEngine(folder / "docker", Path(tempfile.mkdtemp(prefix="lk-docker-")))
            try:
                running.start()
                running.import_base_images()
            except BaseException:
                running.remove()
                raise
            record.write_text(str(running.run))
        running = DockerEngine(folder / "docker", Path(record.read_text()))
        users.write_text(str(_number(users) + 1))
    try:
        yield running
    finally:
        with _locked(folder):
            users.write_text(str(_number(users) - 1))
            if not _number(users):
                running.remove()
                record.unlink()


def _number(file: Path) -> int:
    return int(file.read_text()) if file.exists() else 0


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "docker-lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_started: dict[int, subprocess.Popen[bytes]] = {}
"""The engines that this process has started, by process id."""


@dataclass(frozen=True)
class DockerEngine:
    """One ``dockerd``.

    Attributes:
        folder: Where its images and containers are.
        run: Its socket and pid; a socket's path has at most 107 bytes, so it is elsewhere.
    """

    folder: Path
    run: Path

    @property
    def url(self) -> str:
        return f"unix://{self.run}/docker.sock"

    @contextlib.contextmanager
    def client(self) -> Iterator[docker.DockerClient]:
        with contextlib.closing(docker.DockerClient(base_url=self.url, timeout=60)) as client:
            yield client

    def log(self) -> str:
        return (self.folder / "dockerd.log").read_text()[-2000:]

    def start(self, *options: str) -> None:
        """Start the engine; return when it answers."""
        self.folder.mkdir(exist_ok=True)
        folders = ["--data-root", f"{self.folder}/data", "--exec-root", f"{self.run}/exec"]
        self._make_bridge()
        with (self.folder / "dockerd.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *("dockerd", *folders, "-H", self.url, "--pidfile", f"{self.run}/pid"),
                    *("--bridge", self._bridge, *options),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _started[process.pid] = process
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    @property
    def _bridge(self) -> str:
        """Its bridge; the usual docker0 is one for all engines of a machine.

        An engine without a bridge would remove docker0 from the others.
        """
        return self.run.name.replace("-docker-", "-")

    def _make_bridge(self) -> None:
        """Make the bridge unless an earlier start has, with an address outside of Docker's own pools."""
        if Path("/sys/class/net", self._bridge).exists():
            return
        number = zlib.crc32(self._bridge.encode())
        address = f"10.{200 + number % 50}.{number // 50 % 256}.1/24"
        for arguments in (
            ["link", "add", self._bridge, "type", "bridge"],
            ["address", "add", address, "dev", self._bridge],
            ["link", "set", self._bridge, "up"],
        ):
            subprocess.run(["ip", *arguments], capture_output=True, check=True)

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(60)
            try:
                probe.connect(self.url.removeprefix("unix://"))
                probe.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                return b" 200 " in probe.recv(100)
            except OSError:
                return False

    def processes(self) -> list[psutil.Process]:
        """Return the engine's own processes, without those of containers."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            if (
                any(str(self.run) in word for word in command)
                and process.info["status"] != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        return found

    def _processes_of_containers(self) -> list[psutil.Process]:
        """Return the processes in the control groups of the engine's containers."""
        folder = self.folder / "data/containers"
        ids = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                groups = Path(f"/proc/{process.pid}/cgroup").read_text()
                found += [process for one in ids if one in groups]
        return found

    def end(self, number: signal.Signals) -> None:
        """Send the engine a signal, and wait for its end."""
        file = self.run / "pid"
        if not file.exists():
            return
        process = psutil.Process(int(file.read_text()))
        process.send_signal(number)
        # If another process of this run has started it, that one reaps it at its own end.
        eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, within=30)
        if process.pid in _started:
            _started.pop(process.pid).wait()
        file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the engine without notice, as a crash does; containers stay."""
        self.end(signal.SIGKILL)
        # Its child process ends with it, but not at the same moment, and would block the next one.
        eventually(lambda: "containerd" not in [process.name() for process in self.processes()], within=20)
        # The next one takes it for running, as long as nobody has reaped it.
        (self.run / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop the engine and remove all that it has made."""
        if self.answers():
            self._remove_containers()
        with contextlib.suppress(psutil.NoSuchProcess):
            self.end(signal.SIGTERM)
        for process in [*self.processes(), *self._processes_of_containers()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        # A killed engine leaves its mounts.
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            place = line.split(" ")[1]
            if place.startswith((f"{self.folder}/", f"{self.run}/")):
                subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_containers(self) -> None:
        with contextlib.suppress(docker.errors.DockerException), self.client() as client:
            for container in client.containers.list(all=True, ignore_removed=True):
                container.remove(force=True, v=True)
            client.networks.prune()

    def import_base_images(self, *, store_only: bool = False) -> None:
        """Make the images that templates begin with; or only that of deployments without one."""
        with self.client() as client, tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                _add_system(archive)
            for ref in (STORE_IMAGE,) if store_only else (STORE_IMAGE, *SYSTEM_IMAGES):
                file.seek(0)
                _import(client, file, ref)
            for ref in () if store_only else WATCHDOG_IMAGES:
                _import(client, _archive_of({"fwatchdog": _FWATCHDOG}), ref)


def _import(client: docker.DockerClient, file: IO[bytes], ref: str) -> None:
    name, _, tag = ref.rpartition(":")
    client.api.import_image_from_data(file, repository=name, tag=tag, changes=_CHANGES)


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
    for path in [
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
    ]:
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
