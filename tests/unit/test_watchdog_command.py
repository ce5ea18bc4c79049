"""Finding the file of a command, and saying why there is none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from labkit_services.watchdog.command import CannotStartError, Command


def executable(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_bare_name_is_looked_for_in_path_in_order(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first = executable(tmp_path / "first" / "tool")
    executable(tmp_path / "second" / "tool")
    search = f"{tmp_path / 'empty'}:{tmp_path / 'first'}:{tmp_path / 'second'}"

    assert Command(["tool", "-x"], search).path() == str(first)


def test_a_name_with_a_slash_is_a_path_whether_or_not_it_is_there() -> None:
    assert Command(["./no/such"], "/bin").path() == "./no/such"


@pytest.mark.parametrize("search", ["", "/no/such/folder"])
def test_a_name_in_no_folder_of_path_is_named_in_go_s_words(search: str) -> None:
    with pytest.raises(CannotStartError) as caught:
        Command(["nosuch"], search).path()

    assert caught.value.headline == 'exec: "nosuch": executable file not found in $PATH'


def test_a_folder_and_a_plain_file_are_no_commands(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("")

    for name in ("folder", "plain"):
        with pytest.raises(CannotStartError, match="executable file not found"):
            Command([name], str(tmp_path)).path()


def test_a_command_that_begins_with_a_blank_is_none() -> None:
    with pytest.raises(CannotStartError, match=r"^exec: no command$"):
        Command(["", "cat"], "/bin").path()


def test_what_was_found_is_remembered_until_forgotten(tmp_path: Path) -> None:
    first = executable(tmp_path / "first" / "tool")
    second = executable(tmp_path / "second" / "tool")
    command = Command(["tool"], f"{first.parent}:{second.parent}")
    command.path()
    first.unlink()

    assert command.path() == str(first)
    command.forget()
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
def test_a_refusal_of_the_system_is_told_in_go_s_words(number: int, text: str) -> None:
    error = CannotStartError.from_os_error("/app/run", OSError(number, "whatever"))

    assert error.headline == f"fork/exec /app/run: {text}"
