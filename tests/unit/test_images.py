"""The image store and the well-known images."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from labkit_services.contract.errors import InvalidValueError
from labkit_services.images import catalogue
from labkit_services.images.store import PROGRAMS, Image, ImageStore, ImageUnreadableError, normalise

BANNER = r"""
 _          _           ___     ____       _   _            
| |    __ _| |_ ___ _ _|_ _|___| __ )  ___| |_| |_ ___ _ __ 
| |   / _` | __/ _ \ '__| |/ __|  _ \ / _ \ __| __/ _ \ '__|
| |__| (_| | ||  __/ |  | |\__ \ |_) |  __/ |_| ||  __/ |   
|_____\__,_|\__\___|_| |___|___/____/ \___|\__|\__\___|_|   
                                                            
"""[1:]  # noqa: W291, W293 - the lab text's banner with its trailing spaces


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """A file system with one executable."""
    folder = tmp_path / "root"
    program = folder / "home" / "app" / "handler"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho one\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("me/long-task", "me/long-task:latest"),
        ("me/long-task:v2", "me/long-task:v2"),
        ("docker.io/functions/alpine", "functions/alpine:latest"),
        ("docker.io/library/alpine:3", "alpine:3"),
        ("localhost:5000/figlet", "localhost:5000/figlet:latest"),
        ("me/f@sha256:abc", "me/f@sha256:abc"),
        ("<your-docker-username-here>/long-task", "<your-docker-username-here>/long-task:latest"),
    ],
)
def test_every_spelling_of_a_name_is_normalised(ref: str, expected: str) -> None:
    assert expected == normalise(ref)


@pytest.mark.parametrize("ref", ["", "me/long task", "me/\n"])
def test_a_name_with_white_space_is_refused(ref: str) -> None:
    with pytest.raises(InvalidValueError):
        normalise(ref)


def test_a_stored_image_is_read_unchanged(store: ImageStore, handler: Path) -> None:
    put = store.put(Image("me/f", "sleep 1", {"A": "b"}, "/home/app", labels={"l": "m"}), handler)

    got = store.get("docker.io/me/f:latest")

    assert put == got
    assert got is not None
    assert (
        got.fprocess,
        got.environment,
        got.workdir,
        got.labels,
    ) == ("sleep 1", {"A": "b"}, "/home/app", {"l": "m"})
    assert got.cwd is not None
    assert (got.cwd / "handler").read_text() == "#!/bin/sh\necho one\n"
    assert os.access(got.cwd / "handler", os.X_OK)


def test_an_image_without_files_has_no_folder(store: ImageStore) -> None:
    image = store.put(Image("me/f", "cat", workdir="/home/app"))

    assert image.files is None
    assert image.cwd is None


def test_an_unknown_image_is_none(store: ImageStore) -> None:
    assert store.get("me/nothing") is None


def test_the_list_is_sorted_by_name(store: ImageStore) -> None:
    store.put(Image("me/b"))
    store.put(Image("me/a"))

    assert [image.ref for image in store.list()] == ["me/a:latest", "me/b:latest"]


def test_an_empty_store_lists_nothing(store: ImageStore) -> None:
    assert list(store.list()) == []


def test_a_new_build_replaces_the_older_one_but_keeps_its_files(store: ImageStore, handler: Path) -> None:
    older = store.put(Image("me/f", "./handler"), handler)
    (handler / "home/app/handler").write_text("#!/bin/sh\necho two\n")

    newer = store.put(Image("me/f", "./handler"), handler)

    assert newer == store.get("me/f")
    assert older.files is not None
    assert newer.files is not None
    assert older.files != newer.files
    assert "one" in (older.files / "home/app/handler").read_text()
    assert "two" in (newer.files / "home/app/handler").read_text()


def test_the_same_build_twice_takes_no_more_space(store: ImageStore, handler: Path, tmp_path: Path) -> None:
    first = store.put(Image("me/f", "./handler"), handler)
    second = store.put(Image("me/f", "./handler --other"), handler)

    assert first.files == second.files
    assert len(list((tmp_path / "images/builds").iterdir())) == 1


def test_a_changed_file_mode_is_another_build(store: ImageStore, handler: Path) -> None:
    first = store.put(Image("me/f"), handler)
    (handler / "home/app/handler").chmod(0o644)

    assert first.files != store.put(Image("me/f"), handler).files


def test_the_error_for_a_damaged_entry_suggests_a_build(store: ImageStore, tmp_path: Path) -> None:
    store.put(Image("me/f"))
    next((tmp_path / "images").glob("*.json")).write_text('{"ref":')

    with pytest.raises(ImageUnreadableError, match="faas-cli build"):
        store.get("me/f")


def test_a_folder_that_cannot_be_copied_leaves_nothing_behind(store: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        store.put(Image("me/f"), tmp_path / "missing")

    assert list((tmp_path / "images/builds").iterdir()) == []
    assert store.get("me/f") is None


def test_path_has_the_image_programs_first_and_the_lab_programs_last(
    store: ImageStore, handler: Path
) -> None:
    image = store.put(Image("me/f", environment={"MODE": "x"}), handler)

    environment = image.process_environment({"PATH": "/machine", "MODE": "inherited"})

    folders = environment["PATH"].split(":")
    assert str(image.files) in folders[0]
    assert ["/machine", str(PROGRAMS)] == folders[-2:]
    assert environment["MODE"] == "x"


def test_path_of_an_image_includes_the_machine_path(store: ImageStore, handler: Path) -> None:
    image = store.put(Image("me/f", environment={"PATH": "/home/app:/opt/none:$PATH"}), handler)

    path = image.process_environment({"PATH": "/usr/bin"})["PATH"]

    assert f"{image.files}/home/app:/opt/none:/usr/bin:{PROGRAMS}" == path


def test_absolute_paths_of_the_image_become_relative(store: ImageStore, handler: Path) -> None:
    image = store.put(Image("me/f", workdir="/home"), handler)

    assert image.local_process("/home/app/handler /etc/hosts x") == "./app/handler /etc/hosts x"


def test_without_files_the_command_is_unchanged() -> None:
    assert Image("me/f").local_process("/bin/cat") == "/bin/cat"


@pytest.mark.parametrize(
    ("ref", "fprocess"),
    [
        ("ghcr.io/openfaas/figlet", "figlet"),
        ("ghcr.io/openfaas/alpine:latest", "cat"),
        ("docker.io/functions/alpine:latest", "cat"),
    ],
)
def test_well_known_images_need_no_build(ref: str, fprocess: str) -> None:
    image = catalogue.find(ref)

    assert image is not None
    assert fprocess == image.fprocess


def test_an_unknown_image_is_not_well_known() -> None:
    assert catalogue.find("me/long-task") is None


def test_figlet_prints_the_lab_text_banner() -> None:
    image = catalogue.find("ghcr.io/openfaas/figlet")
    assert image is not None
    environment = image.process_environment({"PATH": "/usr/bin:/bin"})

    done = subprocess.run(
        [image.fprocess],
        input=b"LaterIsBetter",
        env=environment,
        capture_output=True,
        timeout=30,
        check=True,
    )

    assert BANNER.encode() == done.stdout
    assert done.stderr == b""


def test_figlet_accepts_bytes_that_are_not_text() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAMS / "figlet.py"],
        input=b"\xff\x00ok",
        capture_output=True,
        timeout=30,
        check=True,
    )

    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 6


def test_the_lab_programs_are_executable() -> None:
    assert (PROGRAMS / "figlet").stat().st_mode & stat.S_IXUSR
