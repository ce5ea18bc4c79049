"""Builds do not leave their folder: what they read, write and remove."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from dockerfile_build import Project, contents

from labkit.openfaas_cli.dockerfile.build import build
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.faas_cli import main
from labkit_services.files.tree_copy import Budget

FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
Member = tuple[str, bytes, str, bytes]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may read from or write to."""
    folder = tmp_path / "outside"
    (folder / "folder").mkdir(parents=True)
    for name in ("file", "folder/file"):
        (folder / name).write_text("precious")
        (folder / name).chmod(0o640)
    return folder


def state(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_text() if path.is_file() else "")
        for path in sorted(folder.rglob("*"))
    }


def odd_file(path: Path, kind: str) -> None:
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        path.parent.mkdir(exist_ok=True)
        with socket.socket(socket.AF_UNIX) as server, pytest.MonkeyPatch.context() as patch:
            patch.chdir(path.parent)  # the whole path is too long
            server.bind(path.name)
    elif os.geteuid() == 0:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    else:
        pytest.skip("only root can make a device")


ODD = ["a named pipe", "a socket", "a device"]


# -- the Dockerfile


@pytest.mark.parametrize(
    "lines",
    [
        "COPY d /\nCOPY handler.py /to_folder/f",
        "COPY d /\nCOPY handler.py /to_folder/",
        "COPY d /\nCOPY handler.py /to_file",
        "COPY d /\nCOPY handler.py /up/x",
        "COPY d /\nCOPY lib /to_folder",
        "COPY d /\nCOPY lib /to_folder/folder/",
        "COPY d /\nCOPY lib/ /up/folder",
        "COPY d /\nCOPY --parents lib/a.txt /to_folder/",
        "COPY d /\nCOPY --chmod=777 handler.py /to_file",
        "COPY --chmod=777 d /",
        "COPY d /\nCOPY <<file /to_folder/\nevil\nfile",
        "COPY d /\nCOPY <<to_file /\nevil\nto_file",
        "COPY d /\nWORKDIR /to_folder\nCOPY handler.py file",
        "COPY d /\nWORKDIR /to_folder/new/one",
        "COPY d /\nWORKDIR /to_file/new",
        "COPY d /\nADD handler.tar /to_folder",
        "COPY d /\nADD handler.tar /up/",
        "COPY d /a/b/\nCOPY handler.py /a/b/to_folder/../x",
        "WORKDIR /../../x\nCOPY handler.py .",
        "WORKDIR ../../x\nCOPY handler.py ../../../y",
        "ENV A=../../x\nWORKDIR $A\nCOPY handler.py $A/../../../z/",
        "COPY handler.py /../../../x",
        'COPY ["handler.py", "../../x/"]',
        'COPY <<"../../../x" /\nevil\n../../../x',
        "COPY ../outside/file /",
        "COPY ../../../../../../../../etc/hostname /",
        "COPY d/to_file /",
        "COPY d/to_folder/file /",
        "COPY d/to_folder /",
        "COPY d/to_folder/* /x/",
        "COPY d/up/* /x/",
        "COPY d/to_* /x/",
        "COPY --parents d/to_folder/file /",
        "COPY --parents d/*/file /",
        "COPY --parents ./d/to_folder/./file /",
        "ADD linked.tar /",
        "COPY d /\nFROM scratch\nCOPY --from=0 /to_file /x",
        "COPY d /\nFROM scratch\nCOPY --from=0 /to_folder/file /x",
        "COPY d /\nFROM scratch\nCOPY --from=0 /to_folder/ /x",
        "COPY d /\nFROM scratch\nCOPY --from=0 /up/folder /x",
        "COPY handler.py /app/\nFROM scratch\nCOPY --from=0 /app/../../../etc/hosts /",
        "COPY handler.py /app/\nFROM scratch\nCOPY --from=0 ../../../outside/file /",
        "COPY --from=earlier/files /../outside/file /",
        "COPY --from=earlier/files /etc/../../../outside/file /",
        "COPY --from=earlier/files /etc/link /",
        "COPY --from=earlier/files /etc/linked/file /",
    ],
)
def test_a_dockerfile_reads_and_writes_inside_its_folders_only(
    lines: str, tmp_path: Path, outside: Path
) -> None:
    project = Project(tmp_path)
    (project.folder / "d").mkdir()
    for folder, links in {
        project.folder / "d": {
            "to_file": outside / "file",
            "to_folder": outside / "folder",
            "up": "../../outside",
        },
        project.folder: {"linked.tar": outside / "file.tar"},
        tmp_path / "base/etc": {"link": outside / "file", "linked": outside / "folder"},
    }.items():
        for name, target in links.items():
            (folder / name).symlink_to(target)
    tar(outside / "file.tar", ("secret", FILE, "", b"precious"))
    tar(project.folder / "handler.tar", ("file", FILE, "", b"evil"))
    tar_before = (outside / "file.tar").read_bytes()
    (outside / "file.tar").rename(tmp_path / "kept")
    before = state(outside)
    (tmp_path / "kept").rename(outside / "file.tar")

    found: dict[str, str] = {}
    with suppress(DockerfileError):
        found = contents(project.build(f"FROM scratch\n{lines}\n"))

    assert "precious" not in found.values()
    assert (outside / "file.tar").read_bytes() == tar_before
    (outside / "file.tar").unlink()
    assert state(outside) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "fn", "outside", "scratch1"]


def tar(path: Path, *members: Member) -> None:
    with tarfile.open(path, "w") as file:
        for name, kind, link, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, link, len(data)
            file.addfile(member, io.BytesIO(data))


ARCHIVES: dict[str, Callable[[Path], list[Member]]] = {
    "names with ..": lambda _: [("../../../x", FILE, "", b"evil"), ("..", FILE, "", b"evil")],
    "absolute names": lambda out: [(str(out / "file"), FILE, "", b"evil")],
    "a file over a link": lambda out: [("k", LINK, str(out / "file"), b""), ("k", FILE, "", b"evil")],
    "a file through a link": lambda out: [
        ("k", LINK, str(out / "folder"), b""),
        ("k/file", FILE, "", b"evil"),
    ],
    "a file through a relative link": lambda _: [
        ("k", LINK, "../../../outside/folder", b""),
        ("k/file", FILE, "", b"evil"),
    ],
    "a folder over a link": lambda out: [
        ("k", LINK, str(out / "folder"), b""),
        ("k", FOLDER, "", b""),
        ("k/file", FILE, "", b"evil"),
    ],
    "a link through a link": lambda out: [
        ("k", LINK, str(out), b""),
        ("k/l", LINK, "folder", b""),
        ("k/l/file", FILE, "", b"evil"),
    ],
    "a hard link": lambda out: [("k", HARD, str(out / "file"), b"")],
    "a relative hard link": lambda _: [("k", HARD, "../../../outside/file", b"")],
    "a hard link to a link": lambda out: [
        ("s", LINK, str(out / "file"), b""),
        ("k", HARD, "s", b""),
        ("k", FILE, "", b"evil"),
    ],
    "a device": lambda _: [("k", tarfile.CHRTYPE, "", b""), ("b", tarfile.BLKTYPE, "", b"")],
    "a pipe": lambda _: [("k", tarfile.FIFOTYPE, "", b"")],
    "a link to itself": lambda _: [("k", LINK, "k", b""), ("k/x", FILE, "", b"evil")],
    "a deep folder": lambda _: [("/".join("a" * 1500), FILE, "", b"x")],
    "an empty name": lambda _: [("", FILE, "", b"x"), (".", FILE, "", b"x")],
    "a long name": lambda _: [("a" * 300, FILE, "", b"x")],
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_is_unpacked_inside_the_image_only(kind: str, tmp_path: Path, outside: Path) -> None:
    project = Project(tmp_path)
    tar(project.folder / "a.tar", *ARCHIVES[kind](outside))
    before = state(outside)

    with suppress(DockerfileError):
        built = project.build("FROM scratch\nADD a.tar /a/\nFROM scratch\nCOPY --from=0 / /\n")
        assert "precious" not in contents(built).values()
        kinds = {stat.S_IFMT(path.lstat().st_mode) for path in built.root.rglob("*")}
        assert kinds <= {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}

    assert state(outside) == before


@pytest.mark.parametrize(
    ("bomb", "seen"),
    [
        ([("zeros", FILE, "", bytes(5000))], "zeros"),
        ([(f"f{number}", FILE, "", b"") for number in range(20)], "f10"),
        ([("f", FILE, "", bytes(900)), *((f"h{number}", HARD, "f", b"") for number in range(5))], "h0"),
    ],
    ids=["one large file", "many files", "hard links"],
)
def test_an_archive_that_contains_too_much_is_refused(
    bomb: list[Member], seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{build.__module__}.Budget", lambda *_: Budget(files=10, size=1000))
    project = Project(tmp_path)
    tar(project.folder / "bomb.tar", *bomb)

    with pytest.raises(DockerfileError, match=rf"cannot unpack bomb\.tar: too much .* {seen}") as caught:
        project.build("FROM scratch\nADD bomb.tar /\n")

    assert "at most 10 files" in caught.value.expected


@pytest.mark.parametrize(
    "lines",
    [
        "FROM scratch\n" + "".join(f"COPY handler.py /{number}\n" for number in range(11)),
        "FROM scratch\n" + "".join(f"COPY large /{number}\n" for number in range(3)),
        "FROM scratch\n" + "".join(f"COPY lib /{number}/\n" for number in range(6)),
        "FROM scratch\n" + "".join(f"COPY --parents lib /{number}/\n" for number in range(11)),
        "FROM scratch AS s0\nCOPY lib /\n"
        + "".join(f"FROM s{n}  AS s{n + 1}\nCOPY --from=s{n} / /{n}/\n" for n in range(40)),
        "FROM scratch AS s0\nCOPY large /\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(3)),
    ],
    ids=["files", "bytes", "folders", "parents", "doubled by each stage", "stages"],
)
def test_a_dockerfile_that_copies_too_much_is_refused(
    lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{build.__module__}.Budget", lambda *_: Budget(files=10, size=1000))
    project = Project(tmp_path)
    project.add("large", "x" * 400)

    with pytest.raises(DockerfileError, match="too much is copied") as caught:
        project.build(lines)

    assert caught.value.expected == "at most 10 files and 0 MB"
    assert sum(1 for _ in tmp_path.glob("scratch1/*/**/*")) < 30


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_archive_is_an_error_or_a_file(kind: str, damage: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("x")
        member.size = 100_000
        archive.addfile(member, io.BytesIO(os.urandom(100_000)))
    data = packed.getvalue()
    damaged = data[:5000] if damage == "cut" else data[:5000] + b"\xff" * 50 + data[5050:]
    (project.folder / "a.tar").write_bytes(damaged)

    with suppress(DockerfileError):
        project.build("FROM scratch\nADD a.tar /\n")


@pytest.mark.parametrize("name", ["ENV", "ARG"])
def test_variables_that_multiply_are_refused(name: str, tmp_path: Path) -> None:
    lines = f"{name} A=aaaaaaaaaa\n" + f"{name} A={'$A' * 10}\n" * 12
    with pytest.raises(DockerfileError, match=r"a value has .* characters"):
        Project(tmp_path).build(f"FROM scratch\n{lines}")


def test_repeated_stars_take_no_time(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add(".dockerignore", "**/" * 60 + "x\n")
    project.add("d/" * 40 + "x")
    project.add("d/" * 40 + "y")

    found = contents(project.build("FROM scratch\nCOPY d /d\n"))

    assert [path.rpartition("/")[2] for path in found] == ["y"]


def test_the_header_of_an_archive_is_not_read_into_memory_whole(tmp_path: Path) -> None:
    project = Project(tmp_path)
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 2 * 1024**3
    with (project.folder / "a.tar").open("wb") as file:
        file.write(tarfile.TarInfo("first").tobuf() + member.tobuf())
        file.truncate(2 * 1024**3 + 4096)

    with pytest.raises(DockerfileError, match=r"cannot unpack a\.tar: a header of 2,147,483,648 bytes"):
        project.build("FROM scratch\nADD a.tar /\n")


# -- faas-cli


@pytest.fixture
def folder(tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a function and a template, which is the current folder."""
    project = tmp_path / "project"
    for name, content in {
        "f/handler.py": "print('hi')",
        "template/t/template.yml": "language: t\n",
        "template/t/Dockerfile": "FROM scratch\nCOPY . /app/\nENV fprocess=cat\n",
        "template/t/function/handler.py": "",
        "stack.yaml": stack("functions:\n  f:\n    lang: t\n    handler: ./f\n    image: f\n"),
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)
    monkeypatch.chdir(project)
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    monkeypatch.setenv("LABKIT_WORKSPACE", str(project))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    return project


def stack(text: str) -> str:
    return f"provider:\n  name: openfaas\n{text}"


def image_contents(folder: Path) -> list[str]:
    builds = folder / ".labkit/images/builds"
    return [path.read_text() for path in builds.rglob("*") if path.is_file()]


def test_a_plain_function_is_built(folder: Path, outside: Path) -> None:
    assert main(["build"]) == 0
    assert "print('hi')" in image_contents(folder)


@pytest.mark.parametrize(
    "where", ["f/odd", "f/below/odd", "template/t/odd", "template/t/function/odd", "extra/odd"]
)
@pytest.mark.parametrize(
    "kind",
    [
        *ODD,
        "link to a file",
        "link to a folder",
        "relative link",
        "link to a device",
        "link to a pipe",
        "loop",
        "link to what contains it",
        "deep folder",
        "large file",
    ],
)
def test_a_build_copies_files_of_the_project_only(
    kind: str, where: str, folder: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = folder / where
    odd.parent.mkdir(exist_ok=True, parents=True)
    depth = len(odd.parent.relative_to(folder).parts)
    match kind:
        case "link to a file":
            odd.symlink_to(outside / "file")
        case "link to a folder":
            odd.symlink_to(outside)
        case "relative link":
            odd.symlink_to("../" * (depth + 1) + "outside/folder/file")
        case "link to a device":
            odd.symlink_to("/dev/zero")
        case "link to a pipe":
            odd_file(folder / "pipe", "a named pipe")
            odd.symlink_to(folder / "pipe")
        case "loop":
            odd.symlink_to(odd.name)
        case "link to what contains it":
            odd.symlink_to(".")
        case "deep folder":
            (odd / "/".join("a" * 300)).mkdir(parents=True)
        case "large file":
            with odd.open("wb") as file:
                file.truncate(10 * 1024**4)
        case _:
            odd_file(odd, kind)
    before = state(outside)

    code = main(["build", "--copy-extra", "extra"] if where.startswith("extra") else ["build"])

    shown = capsys.readouterr().out
    assert code == 1
    assert where in shown
    assert "Traceback" not in shown
    assert "precious" not in shown
    assert image_contents(folder) == []
    assert state(outside) == before
    kept = sum(path.stat().st_size for path in (folder / "build").rglob("*") if path.is_file())
    assert kept < 1024**2


@pytest.mark.parametrize("target", ["../outside", "../outside/folder", "{outside}"])
def test_the_folder_of_a_function_is_no_link_out_of_the_project(
    target: str, folder: Path, outside: Path
) -> None:
    shutil.rmtree("f")
    Path("f").symlink_to(target.format(outside=outside))

    assert main(["build"]) == 1
    assert image_contents(folder) == []


def test_the_folder_of_a_function_may_be_named_outside_of_the_project(folder: Path) -> None:
    Path("f").rename("../elsewhere")
    Path("stack.yaml").write_text(Path("stack.yaml").read_text().replace("./f", "../elsewhere"))

    assert main(["build"]) == 0
    assert "print('hi')" in image_contents(folder)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("command", [["build"], ["new", "g", "--lang", "t", "-f", "g.yaml"]])
def test_the_description_of_a_template_is_a_file(command: list[str], kind: str, folder: Path) -> None:
    Path("template/t/template.yml").unlink()
    odd_file((folder / "template/t/template.yml"), kind)

    assert main(command) == 1
    assert not Path("g").exists()


@pytest.mark.parametrize("link", ["credentials", "credentials/config.json"])
def test_registry_login_does_not_write_through_a_link(
    link: str, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(outside if link == "credentials" else outside / "file")
    before = state(outside)

    assert main(["registry-login", "-u", "me", "--password", "geheim"]) == 1
    assert state(outside) == before


@pytest.mark.parametrize("kind", ODD)
def test_new_does_not_wait_for_a_pipe_in_place_of_gitignore(kind: str, folder: Path) -> None:
    odd_file(folder / ".gitignore", kind)

    assert main(["new", "g", "--lang", "t", "-f", "g.yaml"]) == 1


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "/tmp/x"])
def test_a_function_name_is_no_path(name: str, folder: Path, outside: Path) -> None:
    Path("stack.yaml").write_text(
        stack(f"functions:\n  {json.dumps(name)}:\n    lang: t\n    handler: ./f\n    image: f\n")
    )
    before = sorted(path.name for path in folder.parent.iterdir())

    assert main(["build"]) == 1
    assert sorted(path.name for path in folder.parent.iterdir()) == before


@pytest.mark.parametrize("handler_folder", ["../../x", "/tmp/x", "a/../../../x", ".."])
@pytest.mark.parametrize(
    "command", [["build"], ["build", "--shrinkwrap"], ["new", "g", "--lang", "t", "-f", "g.yml"]]
)
def test_a_handler_folder_is_inside_the_template(
    command: list[str], handler_folder: str, folder: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("template/t/template.yml").write_text(f"language: t\nhandler_folder: {handler_folder}\n")
    before = state(outside)

    assert main(command) == 1
    assert f'"{handler_folder}" must be a relative path' in capsys.readouterr().out
    assert state(outside) == before
    assert not Path("/tmp/x").exists()


@pytest.mark.parametrize("name", ["../outside", "..", "/etc", "."])
@pytest.mark.parametrize("way", ["flag", "stack file"])
def test_extra_paths_are_in_the_project(way: str, name: str, folder: Path, outside: Path) -> None:
    if way == "stack file":
        with Path("stack.yaml").open("a") as file:
            file.write(f"configuration:\n  copy:\n  - {name}\n")

    assert main(["build", *(["--copy-extra", name] if way == "flag" else [])]) == 1
    assert image_contents(folder) == []


@pytest.mark.parametrize("language", ["../t", "../../outside/folder", "/etc", "..", "t/.."])
@pytest.mark.parametrize("verb", ["build", "new"])
def test_a_template_name_is_no_path(verb: str, language: str, folder: Path, outside: Path) -> None:
    (outside / "folder/template.yml").write_text("language: t\n")
    Path("stack.yaml").unlink()
    command = ["new", "g", "--lang", language]
    if verb == "build":
        command = ["build", "--lang", language, "--handler", "f", "--name", "f", "--image", "f"]

    assert main(command) == 1
    assert not Path("g").exists()


@pytest.mark.parametrize("link", ["build", "build/f"])
@pytest.mark.parametrize("command", [["build"], ["build", "--shrinkwrap"]])
def test_the_build_folder_is_not_written_or_removed_through_a_link(
    command: list[str], link: str, folder: Path, outside: Path
) -> None:
    (outside / "f").mkdir()
    (outside / "f/file").write_text("precious")
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(outside if link == "build" else outside / "f")
    before = state(outside)

    code = main(command)

    assert code == (1 if link == "build" else 0)
    assert state(outside) == before


@pytest.mark.parametrize("link", [".gitignore", "g.yaml", "g"])
def test_new_does_not_write_through_a_link(link: str, folder: Path, outside: Path) -> None:
    Path(link).symlink_to(outside / "new")

    assert main(["new", "g", "--lang", "t", "-f", "g.yaml"]) == 1
    assert not (outside / "new").exists()


def test_new_does_not_append_through_a_link(folder: Path, outside: Path) -> None:
    (outside / "g.yaml").write_text("functions: {}\n")
    Path("g.yaml").symlink_to(outside / "g.yaml")

    assert main(["new", "g", "--lang", "t", "--append", "g.yaml"]) == 1
    assert (outside / "g.yaml").read_text() == "functions: {}\n"


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", *ODD])
def test_new_copies_files_of_the_template_only(kind: str, folder: Path, outside: Path) -> None:
    odd = Path("template/t/function/odd")
    if kind.startswith("link"):
        odd.symlink_to(outside / kind.rpartition(" ")[2])
    else:
        odd_file(odd.absolute(), kind)

    assert main(["new", "g", "--lang", "t", "-f", "g.yaml"]) == 1
    assert "precious" not in [path.read_text() for path in Path("g").rglob("*") if path.is_file()]


# -- template pull


def repository(place: Path, fill: Callable[[Path], object]) -> str:
    template = place / "template/good"
    template.mkdir(parents=True)
    (template / "template.yml").write_text("language: good\n")
    (template / "Dockerfile").write_text("FROM scratch\n")
    fill(template)
    for command in (
        ["init", "--quiet"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=place, check=True, timeout=60)
    return str(place)


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@needs_git
@pytest.mark.parametrize(
    "link",
    [
        "template",
        "template/good",
        "template/good/meta.json",
        "template/good/Dockerfile",
        "template/good/sub",
        "template/good/sub/x",
    ],
)
def test_template_pull_does_not_write_through_a_link(link: str, folder: Path, outside: Path) -> None:
    def fill(template: Path) -> None:
        (template / "sub").mkdir()
        (template / "sub/x").write_text("evil")

    source = repository(folder.parent / "repo", fill)
    for name in ("meta.json", "Dockerfile", "x", "good/Dockerfile"):
        (outside / name).parent.mkdir(exist_ok=True)
        (outside / name).write_text("precious")
    if link == "template":
        shutil.rmtree("template")
    Path(link).parent.mkdir(parents=True, exist_ok=True)
    is_file = link.endswith(("json", "file", "x"))
    Path(link).symlink_to(outside / Path(link).name if is_file else outside)
    before = state(outside)

    code = main(["template", "pull", source, "--overwrite"])

    assert code == (0 if is_file else 1)
    assert state(outside) == before
    if is_file:
        assert not Path(link).is_symlink()


@needs_git
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("meta.json", "{outside}/file"),
        ("meta.json", "../../../../outside/file"),
        ("function/k", "{outside}/file"),
        ("function/k", "{outside}/folder"),
        ("function/k", "../../../README"),
        ("k", "../../.git/config"),
        ("loop", "."),
        ("loop", "loop"),
        ("zero", "/dev/zero"),
    ],
)
def test_template_pull_follows_no_link_out_of_a_template(
    name: str, target: str, folder: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(template: Path) -> None:
        (template.parents[1] / "README").write_text("precious")
        (template / name).parent.mkdir(exist_ok=True)
        (template / name).symlink_to(target.format(outside=outside))

    source = repository(folder.parent / "repo", fill)
    before = state(outside)

    assert main(["template", "pull", source]) == 1
    assert "Cannot write the template good" in capsys.readouterr().out
    assert state(outside) == before
    pulled = [path.read_text() for path in Path("template/good").rglob("*") if path.is_file()]
    assert "precious" not in pulled


@needs_git
def test_template_pull_keeps_the_content_of_links_inside_a_template(folder: Path) -> None:
    def fill(template: Path) -> None:
        (template / "function").mkdir()
        (template / "function/k").symlink_to("../Dockerfile")

    assert main(["template", "pull", repository(folder.parent / "repo", fill)]) == 0
    assert Path("template/good/function/k").read_text() == "FROM scratch\n"
    assert not Path("template/good/function/k").is_symlink()


@needs_git
def test_a_link_is_no_template(folder: Path, outside: Path) -> None:
    source = repository(
        folder.parent / "repo", lambda template: (template.parent / "evil").symlink_to(outside)
    )

    assert main(["template", "pull", source]) == 0
    assert Path("template/good").is_dir()
    assert not Path("template/evil").exists()


@needs_git
@pytest.mark.parametrize("name", ["../../outside", "/etc", "*", "..", "good/../good"])
def test_the_name_of_a_template_to_pull_is_no_path(name: str, folder: Path, outside: Path) -> None:
    source = repository(folder.parent / "repo", lambda _: None)
    Path("stack.yaml").write_text(
        stack(f"configuration:\n  templates:\n  - name: {json.dumps(name)}\n    source: {source}\n")
    )

    assert main(["template", "pull", "stack"]) == 1
    assert [path.name for path in Path("template").iterdir()] == ["t"]


@needs_git
def test_template_pull_runs_no_hook(folder: Path, outside: Path) -> None:
    source = repository(folder.parent / "repo", lambda _: None)
    for name in ("post-checkout", "post-merge", "post-receive", "upload-pack"):
        hook = Path(source, ".git/hooks", name)
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {outside}/ran\n")
        hook.chmod(0o755)

    assert main(["template", "pull", source]) == 0
    assert not (outside / "ran").exists()
    assert not list(Path("template").rglob(".git*"))


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("command", ["build", "up", "invoke f", "list", "remove", "diff"])
def test_no_command_waits_for_a_pipe_or_a_device_in_place_of_the_stack_file(
    command: str, kind: str, folder: Path
) -> None:
    (folder / "stack.yaml").unlink()
    odd_file(folder / "stack.yaml", kind)

    program = Path(sys.executable).with_name("faas-cli")
    done = subprocess.run(
        [program, *command.split()], capture_output=True, text=True, timeout=20, check=False
    )

    assert done.returncode == 1
    assert "fault" not in done.stderr + done.stdout


def test_a_stack_file_from_the_shell_is_read(folder: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, (folder / "stack.yaml").read_bytes())
    os.close(write_end)
    try:
        assert main(["build", "-f", f"/dev/fd/{read_end}"]) == 0
    finally:
        os.close(read_end)


def test_file_names_that_are_not_utf_8_are_built(folder: Path) -> None:
    (folder / "f" / os.fsdecode(b"\xff")).write_text("x")

    assert main(["build"]) == 0


@pytest.mark.parametrize("kind", [*ODD, "a folder"])
def test_an_odd_file_of_logins_is_an_error(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "config").mkdir()
    monkeypatch.setenv("OPENFAAS_CONFIG", str(folder / "config"))
    if kind == "a folder":
        (folder / "config/config.yml").mkdir()
    else:
        odd_file(folder / "config/config.yml", kind)

    assert main(["list", "--gateway", "http://127.0.0.1:1"]) == 1

    assert "config.yml" in capfd.readouterr().out
