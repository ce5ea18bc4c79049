"""COPY and ADD, as BuildKit executes them.

The rules are those of moby/buildkit (frontend/dockerfile/dockerfile2llb/
convert_copy.go, solver/llbsolver/file/backend.go) and tonistiigi/fsutil.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from dockerfile_build import FILES, Project, contents

from labkit.openfaas_cli.dockerfile.error import DockerfileError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("WORKDIR /home/app\nCOPY handler.py .", {"/home/app/handler.py"}),
        ("WORKDIR /home/app\nCOPY handler.py ./", {"/home/app/handler.py"}),
        ("WORKDIR /home/app\nCOPY handler.py ..", {"/home/handler.py"}),
        ("WORKDIR /home\nWORKDIR app\nCOPY handler.py main.py", {"/home/app/main.py"}),
        ("WORKDIR /home/app\nCOPY handler.py /home/app", {"/home/app/handler.py"}),
        ("WORKDIR /a\nWORKDIR ../b\nCOPY handler.py x", {"/b/x"}),
        ("ENV d=/srv\nWORKDIR $d\nCOPY handler.py ${e:-x}", {"/srv/x"}),
        ("WORKDIR /w\nCOPY handler.py $unset", {"/w/handler.py"}),
        ("COPY handler.py /app", {"/app"}),
        ("COPY handler.py /app/", {"/app/handler.py"}),
        ("COPY ./handler.py /app/", {"/app/handler.py"}),
        ("COPY /handler.py /app/", {"/app/handler.py"}),
        ("COPY ../handler.py /app/", {"/app/handler.py"}),
        ("COPY handler.py other.py ./", {"/handler.py", "/other.py"}),
        ("COPY lib /app/lib", {"/app/lib/a.txt"}),
        ("COPY lib/ .", {"/a.txt"}),
        ("COPY lib/a.txt lib /x/", {"/x/a.txt"}),
        ("COPY lib handler.py /x/", {"/x/a.txt", "/x/handler.py"}),
        ("copy handler.py /x", {"/x"}),
        ("COPY --chown=app:app lib ./lib", {"/lib/a.txt"}),
        ("COPY --link handler.py /x", {"/x"}),
        ("COPY --link=false handler.py /x", {"/x"}),
        ('COPY ["two words.txt", "/app/"]', {"/app/two words.txt"}),
        ("COPY two\\ words.txt /app/", None),
        ("ADD handler.py /app/", {"/app/handler.py"}),
        ("COPY . /all", {f"/all/{name}" for name in (*FILES, "Dockerfile")}),
        ("COPY . .", {f"/{name}" for name in (*FILES, "Dockerfile")}),
        ("ARG v=lib\nCOPY ${v}/${f:-a.txt} /x/", {"/x/a.txt"}),
        ("COPY \\\n  handler.py \\\n  # why\n  /x/", {"/x/handler.py"}),
        ("ADD --unpack=false handler.py /x", {"/x"}),
    ],
)
def test_copy_adds_files_of_the_function(project: Project, lines: str, expected: set[str] | None) -> None:
    if expected is None:
        with pytest.raises(DockerfileError, match="not found"):
            project.files(lines)
    else:
        assert project.files(lines).keys() == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*.py", {"handler.py", "other.py"}),
        ("h*.py", {"handler.py"}),
        ("?????.py", {"other.py"}),
        ("[a-h]*.py", {"handler.py"}),
        ("[^h]*.py", {"other.py"}),
        ("lib/*.txt", {"a.txt"}),
        ("l*/*", {"a.txt"}),
        ("li*", {"a.txt"}),
        ("**/a.txt", {"a.txt"}),
        ("**/*.py", set()),
        (".hid*", {".hidden"}),
        ("*den", {".hidden"}),
        ("arr[[]0].txt", {"arr[0].txt"}),
        ("!x*", {"!x"}),
        ("handler.py *.none", {"handler.py"}),
    ],
)
def test_a_wildcard_matches_as_go_s_filepath_match(project: Project, source: str, expected: set[str]) -> None:
    for name in (".hidden", "arr[0].txt", "!x"):
        project.add(name)

    assert {path.removeprefix("/x/") for path in project.files(f"COPY {source} /x/")} == expected


def test_a_wildcard_without_a_match_copies_nothing_and_is_reported(project: Project) -> None:
    built = project.build("FROM alpine\nCOPY *.none /x/\nENV fprocess=cat\n")

    assert built.notes == ["line 2: COPY *.none /x/: no file matches *.none."]
    assert built.fprocess == "cat"
    assert contents(built) == {}


@pytest.mark.parametrize("other", ["lib/a.txt /y", "lib /y", ". /y", "lib/*.txt /y"])
def test_a_wildcard_in_a_folder_may_match_nothing_if_another_copy_uses_the_folder(
    project: Project, other: str
) -> None:
    """BuildKit does not send other folders (moby/moby issue 13045)."""
    built = project.build(f"FROM alpine\nCOPY lib/*.none /x/\nCOPY {other}\n")

    assert built.notes == ["line 2: COPY lib/*.none /x/: no file matches lib/*.none."]
    assert contents(built)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("COPY missing.py .", '"/missing.py": not found'),
        ("COPY handler.py missing.py ./", '"/missing.py": not found'),
        ("COPY lib/missing.py .", '"/lib/missing.py": not found'),
        ("COPY handler.py/x .", '"/handler.py/x": not found'),
        ("COPY ../secret .", '"/secret": not found'),
        ("COPY ../../../etc/passwd .", '"/etc/passwd": not found'),
        ("COPY out .", '"/out": not found'),
        ("COPY ou* .", '"/out": not found'),
        ("COPY loop .", "loop: too many links"),
        ("COPY handler.py/* .", "lstat /handler.py: no such file or directory"),
        ("COPY none/*.py .", "lstat /none: no such file or directory"),
        ("COPY lib/*.none .", "lstat /lib: no such file or directory"),
        ("COPY handler.py lib/*.none ./", "lstat /lib: no such file or directory"),
        ("COPY [ab .", "Invalid ignore pattern '[ab': syntax error in pattern"),
        ('COPY "two words.txt" /app/', "looking for matching double-quote"),
        ("COPY it's.py /app/", "looking for matching single-quote"),
        ("COPY --from=$X a b", "variable expansion is not supported for --from"),
        ("COPY --from=1 a b", "invalid stage index 1"),
        ("COPY --from=-1 a b", "invalid stage index -1"),
        ("COPY --from=0 a b", "it needs to be defined before current stage"),
        ("COPY --from=A/B a b", "invalid reference format"),
        ("COPY https://example.com/x .", "source can't be a URL for COPY"),
        ("COPY https://example.com/x.git .", "source can't be a git ref for COPY"),
        ("COPY git@example.com:x/y.git .", "source can't be a git ref for COPY"),
        ("ADD https://example.com/x .", "ADD of a URL is not supported"),
        ("ADD https://example.com/fwatchdog.tgz .", "ADD of a URL is not supported"),
        ("COPY https://example.com/fwatchdog .", "source can't be a URL for COPY"),
        ("ADD git@example.com:x/y.git#main .", "ADD of a URL is not supported"),
        ("ADD --checksum=sha256:1 handler.py .", "checksum requires HTTP(S) or Git sources"),
        ("COPY --chmod=999 handler.py .", "invalid chmod parameter: '999'"),
        ("COPY --chmod=10000 handler.py .", "should be octal string and between 0 and 07777"),
        ("COPY --chmod=u+q handler.py .", "invalid chmod parameter: 'u+q'"),
        ("COPY handler.py /x\nCOPY lib /x", "cannot copy to non-directory: /x"),
        ("COPY handler.py /x\nCOPY other.py /x/y", "mkdir /x: not a directory"),
        ("COPY handler.py /x\nCOPY other.py /x/y/z", "mkdir /x/y: not a directory"),
        ("COPY handler.py /x\nCOPY lib /x/y", "mkdir /x/y: not a directory"),
        ("COPY handler.py /x\nWORKDIR /x", "mkdir /x: not a directory"),
        (
            "COPY lib /x/handler.py\nCOPY handler.py /x/",
            "cannot replace to directory /x/handler.py with file",
        ),
        ("COPY --parents lib/none /x/", '"/lib/none": not found'),
        ("COPY --parents none/./a /x/", '"/none": not found'),
        ("COPY --parents handler.py/./a /x/", '"/handler.py/a": not found'),
    ],
)
def test_a_copy_that_docker_refuses_is_an_error(project: Project, line: str, message: str) -> None:
    (project.folder / "out").symlink_to("/etc/passwd")
    (project.folder / "loop").symlink_to("loop")

    with pytest.raises(DockerfileError) as caught:
        project.build(f"FROM alpine\n{line}\n")

    assert message in caught.value.headline
    assert f"{project.folder}/Dockerfile, line " in caught.value.seen
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("chmod", "mode"),
    [
        ("755", 0o755),
        ("0600", 0o600),
        ("4755", 0o755),
        ("000", 0o400),
        ("+x", 0o755),
        ("a+x", 0o755),
        ("u+x,go-r", 0o700),
        ("u=rwx,go=rx", 0o755),
        ("go=u", 0o666),
        ("g+u", 0o664),
        ("a=r", 0o444),
        ("+X", 0o644),
        ("u=rwx,+X", 0o755),
        ("go=", 0o600),
        ("$MODE", 0o711),
    ],
)
def test_chmod_sets_a_file_s_mode(project: Project, chmod: str, mode: int) -> None:
    (project.folder / "handler.py").chmod(0o644)

    built = project.build(f"FROM alpine\nARG MODE=711\nCOPY --chmod={chmod} handler.py /x/\n")

    assert (built.root / "x/handler.py").stat().st_mode & 0o7777 == mode


def test_chmod_is_for_folders_and_inline_files_too(project: Project) -> None:
    built = project.build(
        "FROM alpine\nCOPY --chmod=640 lib /x\nCOPY --chmod=755 <<EOF /run.sh\n#!/bin/sh\nEOF\n"
        "ADD --chmod=+x handler.py /h\n"
    )

    modes = {name: (built.root / name).stat().st_mode & 0o777 for name in ("x", "x/a.txt", "run.sh", "h")}
    # The owner can always enter a folder, as root can in a container.
    assert modes == {"x": 0o740, "x/a.txt": 0o640, "run.sh": 0o755, "h": 0o755}


def test_modes_and_times_of_files_are_kept(project: Project) -> None:
    file = project.folder / "handler.py"
    file.chmod(0o755)
    os.utime(file, (1, 1))

    copied = project.build("FROM alpine\nCOPY handler.py .\n").root / "handler.py"

    assert copied.stat().st_mode & 0o777 == 0o755
    assert copied.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("COPY <<EOF /x\nhello\nEOF", {"/x": "hello\n"}),
        ("COPY <<EOF /x/\nhello\nEOF", {"/x/EOF": "hello\n"}),
        ("WORKDIR /w\nCOPY <<EOF .\nhello\nEOF", {"/w/EOF": "hello\n"}),
        ("ADD <<EOF /x\nhello\nEOF", {"/x": "hello\n"}),
        ("COPY <<-EOF /x\n\thello\n\t\tyou\n\tEOF", {"/x": "hello\nyou\n"}),
        ("ENV V=1\nCOPY <<EOF /x\n$V ${W:-2} \\$V '$V'\nEOF", {"/x": "1 2 $V '1'\n"}),
        ("ENV V=1\nCOPY <<'EOF' /x\n$V \\$V\nEOF", {"/x": "$V \\$V\n"}),
        ('ENV V=1\nCOPY <<"EOF" /x\n$V\nEOF', {"/x": "$V\n"}),
        ("COPY <<a <<b /x/\nA\na\nB\nb", {"/x/a": "A\n", "/x/b": "B\n"}),
        ("COPY handler.py <<b /x/\nB\nb", {"/x/handler.py": "print('hi')", "/x/b": "B\n"}),
        ("COPY <<EOF /x\nEOF", {"/x": ""}),
        ("COPY <<EOF /x\n# not a comment\n\nENV a=b\nEOF\nENV c=d", {"/x": "# not a comment\n\nENV a=b\n"}),
        ("COPY <<EOF /x\r\nhello\r\nEOF", {"/x": "hello\r\n"}),
    ],
)
def test_an_inline_file_is_written(project: Project, lines: str, expected: dict[str, str]) -> None:
    built = project.build(f"FROM alpine\n{lines}\n")

    assert {path: (built.root / path[1:]).read_bytes().decode() for path in expected} == expected
    assert contents(built).keys() == expected.keys()
    assert "a" not in built.environment


def test_a_name_of_an_inline_file_stays_in_its_folder(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "outside"

    assert project.files(f"COPY <<{place} /x/\nhello\n{place}\n") == {"/x/outside": "hello\n"}
    assert not place.exists()


@pytest.mark.parametrize(
    ("name", "ignore", "expected"),
    [
        (".dockerignore", "*.py\n", {"lib/a.txt", "two words.txt", "Dockerfile", ".dockerignore"}),
        (".dockerignore", "*\n!lib\n", {"lib/a.txt"}),
        (".dockerignore", "*\n!lib/a.txt\n", {"lib/a.txt"}),
        (".dockerignore", "lib\n!lib/none\n*.py\n*.txt\nDockerfile\n", {".dockerignore"}),
        (".dockerignore", "**/*.txt\n*.py\n.docker*", {"Dockerfile"}),
        (".dockerignore", "# lib\n\n/lib/\n*.py\n.docker*", {"two words.txt", "Dockerfile"}),
        (".dockerignore", "*.py\n!handler.py\nlib\n.d*\n*.txt", {"handler.py", "Dockerfile"}),
        (".dockerignore", "\ufeffhandler.py\r\n*.txt\r\nlib\r\n.d*\r\n", {"other.py", "Dockerfile"}),
        ("Dockerfile.dockerignore", "*\n!lib\n", {"lib/a.txt"}),
    ],
)
def test_dockerignore_leaves_files_out(project: Project, name: str, ignore: str, expected: set[str]) -> None:
    project.add(name, ignore)

    assert {path.removeprefix("/x/") for path in project.files("COPY . /x/")} == expected


def test_an_ignored_file_does_not_exist_for_copy(project: Project) -> None:
    project.add(".dockerignore", "handler.py\n")

    with pytest.raises(DockerfileError) as caught:
        project.build("FROM alpine\nCOPY handler.py .\n")

    assert '"/handler.py": not found' in caught.value.headline
    assert caught.value.next_step == f"remove what excludes it from {project.folder}/.dockerignore"
    assert project.files("COPY *.py /x/").keys() == {"/x/other.py"}


def test_a_wrong_dockerignore_is_an_error(project: Project) -> None:
    project.add(".dockerignore", "[\n")

    with pytest.raises(DockerfileError, match="syntax error in pattern") as caught:
        project.build("FROM alpine\n")

    assert ".dockerignore" in caught.value.seen


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY --exclude=*.py . /x", {"lib/a.txt", "two words.txt", "Dockerfile"}),
        ("COPY --exclude=*.py --exclude=*/*.txt . /x", {"two words.txt", "Dockerfile"}),
        ("COPY --exclude=**/*.txt --exclude=D* . /x", {"handler.py", "other.py"}),
        ("COPY --exclude=o*.py *.py /x/", {"handler.py"}),
        ("COPY --exclude=a.txt lib /x/", set()),
        ("ARG E=lib\nADD --exclude=$E --exclude=[tD]* . /x", {"handler.py", "other.py"}),
        ("COPY --exclude=* --exclude=!handler.py . /x", {"handler.py"}),
    ],
)
def test_exclude_leaves_files_out(project: Project, line: str, expected: set[str]) -> None:
    assert {path.removeprefix("/x/") for path in project.files(line)} == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY --parents lib/a.txt /x/", {"/x/lib/a.txt"}),
        ("COPY --parents lib /x/", {"/x/lib/a.txt"}),
        ("COPY --parents **/*.txt /x/", {"/x/lib/a.txt", "/x/two words.txt"}),
        ("COPY --parents */*.txt handler.py /x/", {"/x/lib/a.txt", "/x/handler.py"}),
        ("COPY --parents lib/./a.txt /x/", {"/x/a.txt"}),
        ("COPY --parents lib/./. /x/", {"/x/a.txt"}),
        ("COPY --parents l*/./*.txt /x/", {"/x/a.txt"}),
        ("COPY --parents --exclude=lib/* **/*.txt /x/", {"/x/two words.txt"}),
        ("COPY --parents=false lib/a.txt /x/", {"/x/a.txt"}),
    ],
)
def test_parents_keeps_the_folders(project: Project, line: str, expected: set[str]) -> None:
    assert project.files(line).keys() == expected


@pytest.mark.parametrize("kind", ["tar", "gz", "bz2", "xz"])
def test_add_unpacks_an_archive_and_copy_does_not(project: Project, kind: str) -> None:
    archive = project.folder / "files.bin"
    with tarfile.open(archive, "w" if kind == "tar" else f"w:{kind}") as tar:  # type: ignore[call-overload]
        tar.add(project.folder / "handler.py", "inside/handler.py")

    built = project.build(
        "FROM alpine\nADD files.bin /a\nCOPY files.bin /b\nADD --unpack=false files.bin /c\n"
    )

    names = {path.relative_to(built.root).as_posix() for path in built.root.rglob("*") if path.is_file()}
    assert names == {"a/inside/handler.py", "b", "c"}


def test_a_damaged_archive_is_an_error(project: Project) -> None:
    archive = project.folder / "files.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(project.folder / "handler.py", "handler.py")
        tar.add(project.add("long.txt", "x" * 5000), "long.txt")
    archive.write_bytes(archive.read_bytes()[:3000])

    with pytest.raises(DockerfileError, match=r"cannot unpack files\.tar"):
        project.build("FROM alpine\nADD files.tar /a\n")


def test_an_archive_cannot_write_outside_of_the_image(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, str(outside)
    with tarfile.open(project.folder / "evil.tar", "w") as tar:
        tar.addfile(link)
        for name in ("../../../../up", "/absolute", "link/inside", "link"):
            tar.add(project.folder / "handler.py", name)

    built = project.build("FROM alpine\nADD evil.tar /a\n")

    names = {"/a/up", "/a/absolute", f"{outside}/inside", "/a/link"}
    assert contents(built).keys() == names
    assert list(outside.iterdir()) == []
    assert not list(tmp_path.glob("up"))


def test_the_modes_and_links_of_an_archive_are_kept(project: Project) -> None:
    hard, soft = tarfile.TarInfo("bin/hard"), tarfile.TarInfo("bin/soft")
    hard.type, hard.linkname = tarfile.LNKTYPE, "bin/run"
    soft.type, soft.linkname = tarfile.SYMTYPE, "run"
    (project.folder / "handler.py").chmod(0o755)
    with tarfile.open(project.folder / "files.tar.gz", "w:gz") as tar:
        tar.add(project.folder / "handler.py", "bin/run")
        tar.add(project.folder / "lib", "empty", recursive=False)
        tar.addfile(hard)
        tar.addfile(soft)

    root = project.build("FROM alpine\nADD files.tar.gz /\n").root

    assert (root / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (root / "bin/hard").read_text() == (root / "bin/soft").read_text() == "print('hi')"
    assert os.readlink(root / "bin/soft") == "run"
    assert (root / "empty").is_dir()


def test_a_source_that_is_a_link_is_followed_and_links_in_a_folder_are_kept(project: Project) -> None:
    (project.folder / "link").symlink_to("lib")
    (project.folder / "lib/other").symlink_to("a.txt")
    (project.folder / "lib/broken").symlink_to("/nowhere")

    built = project.build(
        "FROM alpine\nCOPY link /x\nCOPY link/a.txt /y\nCOPY lib/other /z/\nCOPY link/a* /w/\n"
    )

    assert contents(built) == {"/x/a.txt": "a", "/y": "a", "/z/other": "a", "/w/a.txt": "a"}
    assert os.readlink(built.root / "x/other") == "a.txt"
    assert os.readlink(built.root / "x/broken") == "/nowhere"


def test_a_link_in_an_image_does_not_lead_out_of_it(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.folder / "lib/away").symlink_to(outside)

    built = project.build(
        "FROM alpine\nCOPY lib /x\nCOPY handler.py /x/away/\nWORKDIR /x/away/deep\nCOPY <<E .\nhi\nE\n"
    )

    assert list(outside.iterdir()) == []
    expected = {f"{outside}/handler.py": "print('hi')", f"{outside}/deep/E": "hi\n", "/x/a.txt": "a"}
    assert contents(built) == expected


def test_a_pipe_is_left_out(project: Project) -> None:
    os.mkfifo(project.folder / "lib/pipe")

    assert project.files("COPY lib /x").keys() == {"/x/a.txt"}


def test_an_empty_folder_is_copied(project: Project) -> None:
    (project.folder / "lib/empty").mkdir()

    assert (project.build("FROM alpine\nCOPY lib /x\n").root / "x/empty").is_dir()


def test_a_later_copy_overwrites_an_earlier_one(project: Project) -> None:
    (project.folder / "lib/handler.py").write_text("new")

    assert project.files("COPY handler.py /x/\nCOPY lib /x/")["/x/handler.py"] == "new"
