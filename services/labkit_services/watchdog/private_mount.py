"""Mounts a folder for this process and its children only.

It uses Linux's mount namespaces: what is mounted in one is invisible outside,
and disappears with its last process. Root may create one, and where the system
allows it any user, inside a user namespace.
"""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

# From Linux' <sched.h> and <sys/mount.h>; Python has neither call before 3.12.
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_SLAVE = 1, 32, 4096, 16384, 1 << 19


def try_mount(folder: Path, at: Path) -> str:
    """Mount ``folder`` at the path ``at``; return "" or why that failed.

    Must be called while the process has one thread. A child process tries
    first, so that a failure half-way leaves this process unchanged.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        failure = "it failed"
        try:
            _mount_folder(folder, at)
            failure = ""
        except (OSError, AttributeError) as error:
            failure = str(error)
        finally:
            os.write(write_end, failure.encode("utf-8", "replace"))
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        failure = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if failure or status:
        return failure or "it was killed"
    _mount_folder(folder, at)
    return ""


def _mount_folder(folder: Path, at: Path) -> None:
    """Enter a new mount namespace and mount ``folder`` there.

    Nothing is created on the machine's disk. If ``at`` does not exist, the
    nearest existing folder above it is covered by an empty one in memory. That
    gets a bind mount of each entry of the covered folder, and the missing
    folders. Raises OSError if the system does not allow it, AttributeError if
    it lacks these calls.
    """
    system = ctypes.CDLL(None, use_errno=True)
    cwd = os.getcwd()
    _enter_namespace(system)
    # What the machine mounts later is visible here; what is mounted here is
    # not visible outside.
    _mount(system, "none", "/", _MS_REC | _MS_SLAVE)
    if not at.is_dir():
        above = next(parent for parent in at.parents if parent.is_dir()).resolve()
        if above == Path("/"):
            raise OSError(f"no folder above {at} exists but /")
        _cover(system, above)
        at.mkdir(parents=True)
        _mount(system, str(folder), str(at), _MS_BIND)
        # Read-only, because what a function wrote into the cover would be lost
        # with it.
        _mount(system, "none", str(above), _MS_REMOUNT | _MS_BIND | _MS_RDONLY)
    else:
        _mount(system, str(folder), str(at), _MS_BIND)
    os.chdir(cwd)


def _enter_namespace(system: ctypes.CDLL) -> None:
    if os.geteuid() == 0 and system.unshare(_CLONE_NEWNS) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if system.unshare(_CLONE_NEWNS | _CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    # Without this mapping the process would be the user nobody in there.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _cover(system: ctypes.CDLL, folder: Path) -> None:
    below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _mount(system, "tmpfs", str(folder), 0, kind="tmpfs", options="mode=755,size=1m")
        for entry in os.listdir(below):
            status = os.stat(entry, dir_fd=below, follow_symlinks=False)
            target = folder / entry
            if stat.S_ISLNK(status.st_mode):
                target.symlink_to(os.readlink(entry, dir_fd=below))
                continue
            if stat.S_ISDIR(status.st_mode):
                target.mkdir()
            else:
                target.touch()
            _mount(system, f"/proc/self/fd/{below}/{entry}", str(target), _MS_BIND | _MS_REC)
    finally:
        os.close(below)


def _mount(
    system: ctypes.CDLL, source: str, target: str, flags: int, *, kind: str = "", options: str = ""
) -> None:
    result = system.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)
