"""Read a Dockerfile without Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.openfaas_cli.dockerfile import Build, DockerfileError, read_dockerfile
from labkit.openfaas_cli.faas_cli.templates import find_template
from labkit_services.images.store import Image


def read(folder: Path, dockerfile: str, **build_args: str) -> Build:
    """Parse a Dockerfile; known/base has a process, earlier/files has files."""
    base_files = folder.parent / "base"
    (base_files / "etc").mkdir(parents=True, exist_ok=True)
    (base_files / "etc/base.conf").write_text("base")
    known = {
        "known/base": Image("known/base:latest", "figlet", {"MODE": "base"}, "/srv"),
        "earlier/files": Image("earlier/files:latest", "cat", files=base_files),
    }
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return read_dockerfile(folder, known.get, build_args)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function's folder with a handler, a subfolder and a space."""
    place = tmp_path / "fn"
    (place / "lib").mkdir(parents=True)
    (place / "handler.py").write_text("print('hi')")
    (place / "other.py").write_text("")
    (place / "lib" / "a.txt").write_text("a")
    (place / "two words.txt").write_text("b")
    return place


def laid_out(build: Build, root: Path) -> set[str]:
    """Return the paths of the files that a build creates."""
    build.lay_out(root)
    return {"/" + path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("line", "fprocess"),
    [
        ('ENV fprocess="cat"', "cat"),
        ('ENV fprocess="sleep 1"', "sleep 1"),
        ("ENV fprocess=cat", "cat"),
        ("ENV fprocess sleep 1", "sleep 1"),
        ("env fprocess='sleep 1'", "sleep 1"),
        ('ENV a=b \\\n    fprocess="sleep 1"', "sleep 1"),
        ('ENV fprocess="cat"\nENV fprocess="wc -l"', "wc -l"),
        ('ENV SECONDS=2\nENV fprocess="sleep ${SECONDS}"', "sleep 2"),
        ('ARG SECONDS=3\nENV fprocess="sleep $SECONDS"', "sleep 3"),
        ('ENV function_process="node index.js"', "node index.js"),
        ("", ""),
    ],
)
def test_the_process_comes_from_env(folder: Path, line: str, fprocess: str) -> None:
    assert fprocess == read(folder, f"FROM alpine:3\n{line}\n").fprocess


def test_a_build_argument_replaces_an_arg(folder: Path) -> None:
    text = 'ARG TAG=3\nFROM alpine:$TAG\nARG SECONDS=3\nENV fprocess="sleep $SECONDS"\n'

    assert read(folder, text, SECONDS="9").fprocess == "sleep 9"


def test_only_the_last_stage_counts(folder: Path) -> None:
    build = read(folder, "FROM golang AS build\nENV fprocess=go A=1\nFROM alpine\nENV fprocess=cat\n")

    assert build.environment == {"fprocess": "cat"}


def test_a_stage_builds_on_an_earlier_one(folder: Path) -> None:
    text = "FROM alpine AS base\nENV A=1\nWORKDIR /srv\nCOPY handler.py .\nFROM base\nENV B=${A}2\n"

    build = read(folder, text)

    assert build.environment == {"A": "1", "B": "12"}
    assert build.workdir == "/srv"
    assert laid_out(build, folder.parent / "root") == {"/srv/handler.py"}


def test_a_known_base_image_provides_process_and_environment(folder: Path) -> None:
    build = read(folder, "FROM known/base\nENV B=$MODE\n")

    assert build.fprocess == "figlet"
    assert build.workdir == "/srv"
    assert build.environment == {"fprocess": "figlet", "MODE": "base", "B": "base"}


def test_the_files_of_a_base_image_are_kept(folder: Path) -> None:
    build = read(folder, "FROM earlier/files\nCOPY handler.py /app/\n")

    assert laid_out(build, folder.parent / "root") == {"/etc/base.conf", "/app/handler.py"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("WORKDIR /home/app\nCOPY handler.py .", {"/home/app/handler.py"}),
        ("WORKDIR /home\nWORKDIR app\nCOPY handler.py main.py", {"/home/app/main.py"}),
        ("COPY handler.py /app", {"/app"}),
        ("COPY handler.py /app/", {"/app/handler.py"}),
        ("COPY *.py /app/", {"/app/handler.py", "/app/other.py"}),
        ("COPY handler.py other.py ./", {"/handler.py", "/other.py"}),
        ("COPY lib /app/lib", {"/app/lib/a.txt"}),
        ("COPY lib/ .", {"/a.txt"}),
        ("COPY --chown=app:app --chmod=755 lib ./lib", {"/lib/a.txt"}),
        ('COPY ["two words.txt", "/app/"]', {"/app/two words.txt"}),
        ("ADD handler.py /app/", {"/app/handler.py"}),
        ("COPY . /all", {f"/all/{name}" for name in ("handler.py", "other.py", "lib/a.txt", "Dockerfile")}),
    ],
)
def test_copy_adds_files_of_the_function(folder: Path, lines: str, expected: set[str]) -> None:
    build = read(folder, f"FROM alpine\n{lines}\n")

    files = laid_out(build, folder.parent / "root")

    assert expected == {file for file in files if "two words" not in file or "two" in lines}


def test_executable_files_stay_executable(folder: Path) -> None:
    (folder / "handler.py").chmod(0o755)
    root = folder.parent / "root"

    read(folder, "FROM alpine\nCOPY handler.py .\n").lay_out(root)

    assert (root / "handler.py").stat().st_mode & 0o777 == 0o755


def test_without_copy_there_are_no_files(folder: Path) -> None:
    root = folder.parent / "root"

    read(folder, "FROM alpine\nWORKDIR /home/app\n").lay_out(root)

    assert not root.exists()


def test_the_watchdog_of_another_image_is_skipped_without_a_note(folder: Path) -> None:
    text = (
        "FROM ghcr.io/openfaas/classic-watchdog:0.3.3 AS watchdog\nFROM alpine\n"
        "COPY --from=watchdog /fwatchdog /usr/bin/fwatchdog\n"
    )

    build = read(folder, text)

    assert build.notes == []
    assert build.copies == []


def test_files_of_an_earlier_stage_are_found_unless_a_run_creates_them(folder: Path) -> None:
    text = (
        "FROM alpine AS build\nWORKDIR /src\nCOPY lib lib\nCOPY handler.py .\nRUN make\n"
        "FROM alpine\n"
        "COPY --from=build /src/handler.py /app/\n"
        "COPY --from=build /src/lib/a.txt /app/b.txt\n"
        "COPY --from=build /src /all\n"
        "COPY --from=build /src/made /usr/bin/\n"
    )

    build = read(folder, text)

    expected = {"/app/handler.py", "/app/b.txt", "/all/lib/a.txt", "/all/handler.py"}
    assert expected == laid_out(build, folder.parent / "root")
    assert len(build.notes) == 1
    assert "/src/made" in build.notes[0]
    assert build.skipped_runs == 1


def test_run_is_counted_and_not_executed(folder: Path) -> None:
    marker = folder / "marker"
    heredoc = "RUN <<EOF\napk add jq\nENV fprocess=x\nEOF\n"
    text = f"FROM alpine\nRUN touch {marker}\nRUN apk add \\\n  figlet\n{heredoc}ENV fprocess=cat\n"

    build = read(folder, text)

    assert build.skipped_runs == 3
    assert build.fprocess == "cat"
    assert not marker.exists()


def test_comments_and_windows_line_ends_are_ignored(folder: Path) -> None:
    build = read(
        folder, '# escape=\\\r\n# a comment\r\nFROM alpine\r\n# ENV fprocess=no\r\nENV fprocess="cat"\r\n'
    )

    assert build.fprocess == "cat"


def test_path_keeps_a_placeholder_for_the_machine_path(folder: Path) -> None:
    build = read(folder, 'FROM alpine\nENV PATH="/home/app/bin:$PATH"\n')

    assert build.environment["PATH"] == "/home/app/bin:$PATH"


def test_labels_are_read(folder: Path) -> None:
    assert read(folder, 'FROM alpine\nLABEL a="b c" d=e\n').labels == {"a": "b c", "d": "e"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no FROM"),
        ("ENV a=b\nFROM alpine\n", "before FROM"),
        ("FROM alpine\nFETCH x\n", "unknown instruction: FETCH"),
        ("FROM alpine\nCOPY missing.py .\n", "missing.py is not in the function's folder"),
        ("FROM alpine\nCOPY ../secret .\n", "outside the function's folder"),
        ("FROM alpine\nCOPY handler.py\n", "a source and a target"),
        ("FROM alpine\nENV a=b c\n", "line 2"),
        ("FROM alpine\nADD https://example.com/x .\n", "URL is not supported"),
        ("FROM alpine\nCOPY <<EOF /x\n1\nEOF\n", "inline file"),
    ],
)
def test_an_instruction_that_cannot_be_used_is_an_error(folder: Path, text: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message):
        read(folder, text)


def test_the_error_names_the_line(folder: Path) -> None:
    with pytest.raises(DockerfileError) as caught:
        read(folder, "FROM alpine\n\nCOPY missing.py .\n")

    assert "line 3: COPY missing.py ." in str(caught.value)


def test_a_missing_dockerfile_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="faas-cli new"):
        read_dockerfile(tmp_path, lambda _: None, {})


def test_the_template_echoes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    template = find_template("dockerfile")
    assert template is not None

    build = read_dockerfile(template / "function", lambda _: None, {})

    assert build.fprocess == "cat"
    assert build.environment == {"fprocess": "cat", "write_debug": "false"}
    assert build.workdir == "/home/app"
    assert build.notes == []
