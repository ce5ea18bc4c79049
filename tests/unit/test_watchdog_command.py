"""The file of a command, and the error if there is none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from labkit_services.watchdog.command import CannotStartError, FunctionCommand


def executable(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_bare_name_is_searched_in_path_in_order(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first = executable(tmp_path / "first" / "tool")
    executable(tmp_path / "second" / "tool")
    search = f"{tmp_path / 'empty'}:{tmp_path / 'first'}:{tmp_path / 'second'}"

    assert FunctionCommand(["tool", "-x"], search).path() == str(first)


def test_a_name_with_a_slash_is_a_path_whether_or_not_it_exists() -> None:
    assert FunctionCommand(["./no/such"], "/bin").path() == "./no/such"


@pytest.mark.parametrize("search", ["", "/no/such/folder"])
def test_a_name_that_is_not_in_path_raises_go_s_error(search: str) -> None:
    with pytest.raises(CannotStartError) as caught:
        FunctionCommand(["nosuch"], search).path()

    assert caught.value.headline == 'exec: "nosuch": executable file not found in $PATH'


def test_folders_and_files_that_are_not_executable_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("")

    for name in ("folder", "plain"):
        with pytest.raises(CannotStartError, match="executable file not found"):
            FunctionCommand([name], str(tmp_path)).path()


def test_a_command_that_begins_with_a_blank_raises_go_s_error() -> None:
    with pytest.raises(CannotStartError, match=r"^exec: no command$"):
        FunctionCommand(["", "cat"], "/bin").path()


def test_the_path_is_cached_until_forget_path(tmp_path: Path) -> None:
    first = executable(tmp_path / "first" / "tool")
    second = executable(tmp_path / "second" / "tool")
    command = FunctionCommand(["tool"], f"{first.parent}:{second.parent}")
    command.path()
    first.unlink()

    assert command.path() == str(first)
    command.forget_path()
    assert command.path() == str(second)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "permission denied"),
        (errno.ENOENT, "no such file or directory"),
        (errno.ENOEXEC, "exec format error"),
        (errno.E2BIG, "argument list too long"),
    ],
)
def test_a_system_error_has_go_s_text(number: int, text: str) -> None:
    error = CannotStartError.from_os_error("/app/run", OSError(number, "whatever"))

    assert error.headline == f"fork/exec /app/run: {text}"
