"""FROM: stages, and the images they build on."""

from __future__ import annotations

from pathlib import Path

import pytest
from dockerfile_build import Project, contents

from labkit.openfaas_cli.dockerfile.build import build
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.faas_cli.templates import find_template
from labkit_services.images.store import Image, ImageStore


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_only_the_last_stage_counts(project: Project) -> None:
    built = project.build("FROM golang AS build\nENV fprocess=go A=1\nFROM alpine\nENV fprocess=cat\n")

    assert built.environment == {"fprocess": "cat"}


@pytest.mark.parametrize("name", ["base", "BASE", "b.a-s_e1"])
def test_a_stage_builds_on_an_earlier_one(project: Project, name: str) -> None:
    text = (
        f"FROM alpine AS {name}\nENV A=1\nWORKDIR /srv\nCOPY handler.py .\nLABEL l=1\n"
        f"FROM {name.lower()}\nENV B=${{A}}2\nCOPY other.py .\n"
    )

    built = project.build(text)

    assert built.environment == {"A": "1", "B": "12"}
    assert (built.workdir, built.labels) == ("/srv", {"l": "1"})
    assert contents(built).keys() == {"/srv/handler.py", "/srv/other.py"}


def test_a_stage_is_not_changed_by_one_that_builds_on_it(project: Project) -> None:
    text = (
        "FROM alpine AS base\nENV A=1\nCOPY handler.py /x/\n"
        "FROM base AS more\nENV A=2\nCOPY other.py /x/\n"
        "FROM base\nENV B=$A\nCOPY --from=more /x /y\n"
    )

    built = project.build(text)

    assert built.environment == {"A": "1", "B": "1"}
    assert contents(built).keys() == {"/x/handler.py", "/y/handler.py", "/y/other.py"}


def test_a_known_base_image_provides_process_and_environment(project: Project) -> None:
    built = project.build("FROM known/base\nENV B=$MODE\n")

    assert built.fprocess == "figlet"
    assert built.workdir == "/srv"
    assert built.environment == {"fprocess": "figlet", "MODE": "base", "B": "base"}


def test_the_files_and_triggers_of_a_base_image_are_kept(project: Project) -> None:
    built = project.build("FROM earlier/files\nCOPY handler.py /app/\n")

    assert contents(built) == {"/etc/base.conf": "base", "/app/handler.py": "print('hi')"}
    assert built.environment["TRIGGERED"] == "yes"


def test_an_image_that_was_built_before_is_a_base(project: Project, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    first = project.build(
        "FROM alpine\nENV fprocess=./h A=1\nWORKDIR /srv\nCOPY handler.py h\nONBUILD COPY other.py .\n"
    )
    store.put(
        Image("me/base", first.fprocess, first.environment, first.workdir, on_build=first.on_build),
        first.files,
    )
    (project.folder / "Dockerfile").write_text("FROM me/base:latest\nENV B=$A\n")

    second = build(project.folder, tmp_path / "second", store.get, {})

    assert second.fprocess == "./h"
    assert second.environment == {"fprocess": "./h", "A": "1", "B": "1"}
    assert contents(second).keys() == {"/srv/h", "/srv/other.py"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG TAG=3\nFROM known/base$TAG AS x\nFROM known/${IMAGE:-base}", "figlet"),
        ("ARG IMAGE=known/base\nFROM $IMAGE", "figlet"),
        ("ARG IMAGE=x\nARG FULL=known/${IMAGE}\nFROM ${FULL%x}base", "figlet"),
        ("FROM --platform=$BUILDPLATFORM known/base", "figlet"),
        ("FROM --platform=${TARGETPLATFORM:-linux/amd64} known/base AS b", "figlet"),
        ("from known/base as b", "figlet"),
        ('FROM "known/base"', "figlet"),
        ("FROM scratch", ""),
        ("FROM ghcr.io/openfaas/classic-watchdog:0.3.3", ""),
        ("FROM localhost:5000/a/b:1.0@sha256:" + "0" * 64, ""),
        ("FROM alpine:3.21.3\nONBUILD RUN x", ""),
    ],
)
def test_from_takes_an_image_and_variables(project: Project, text: str, expected: str) -> None:
    assert project.build(f"{text}\n").fprocess == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("FROM Alpine", 1, 'failed to parse stage name "Alpine": invalid reference format: repository name'),
        ("FROM a:b:c", 1, "invalid reference format"),
        ("FROM -x", 1, "invalid reference format"),
        ("FROM alpine AS Build\nFROM Build", 2, "invalid reference format"),
        ("FROM $NONE", 1, "base name ($NONE) should not be blank"),
        ("FROM alpine\nARG V=alpine\nFROM $V", 3, "base name ($V) should not be blank"),
        ("FROM --platform=$NONE alpine", 1, "empty platform value from expression $NONE"),
        ("FROM --arch=x alpine", 1, "unknown flag: --arch"),
        ("ARG V=${X\nFROM alpine", 1, "missing '}'"),
        ("FROM alpine AS a\nCOPY --from=b /x /y\nFROM alpine AS b", 2, "needs to be defined before"),
        ("FROM scratch AS a\nFROM alpine\nCOPY --from=a /x /y", 3, '"/x": not found'),
        ("FROM scratch AS a\nFROM alpine\nCOPY --from=a /x/*.c /y", 3, "lstat /x: no such file or directory"),
        ("FROM alpine AS a\nONBUILD COPY none .\nFROM a", 3, '"/none": not found'),
    ],
)
def test_a_from_that_docker_refuses_is_an_error(project: Project, text: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        project.build(f"{text}\n")

    assert message in caught.value.headline
    assert f"Dockerfile, line {line}: " in caught.value.seen


def test_a_stage_that_the_image_does_not_need_is_not_built(project: Project) -> None:
    built = project.build("FROM alpine AS unused\nCOPY missing .\nRUN make\nFROM alpine\nENV a=b\n")

    assert built.environment == {"a": "b"}
    assert built.skipped_runs == []


def test_many_stages_build_on_each_other(project: Project) -> None:
    stages = [f"FROM {f's{index - 1}' if index else 'alpine'} AS s{index}" for index in range(500)]

    assert project.build("\n".join([*stages, "ENV a=b", ""])).environment == {"a": "b"}


def test_the_instructions_of_an_unneeded_stage_are_checked(project: Project) -> None:
    with pytest.raises(DockerfileError, match="unknown instruction: FETCH"):
        project.build("FROM alpine AS unused\nFETCH x\nFROM alpine\n")


def test_the_watchdog_of_another_image_is_skipped_without_a_note(project: Project) -> None:
    text = (
        "FROM ghcr.io/openfaas/classic-watchdog:0.3.3 AS watchdog\nFROM alpine\n"
        "COPY --from=watchdog /fwatchdog /usr/bin/fwatchdog\n"
        "COPY --chmod=+x --from=ghcr.io/openfaas/of-watchdog:0.10.7 /fwatchdog /usr/bin/\n"
    )

    built = project.build(text)

    assert (built.notes, built.copies, built.files) == ([], 0, None)


@pytest.mark.parametrize(
    "line",
    [
        "ADD https://github.com/openfaas/faas/releases/download/0.7.1/fwatchdog /usr/bin",
        "ADD https://github.com/openfaas/faas/releases/download/0.6.9/fwatchdog-arm64 /usr/bin/fwatchdog",
        "ADD https://github.com/openfaas/faas/releases/download/0.7.1/fwatchdog.exe /watchdog.exe",
        "ARG V=0.9.10\nADD --chmod=755 https://example.com/$V/of-watchdog /usr/bin/fwatchdog",
        "ADD https://example.com/fwatchdog?raw=true /usr/bin/",
    ],
)
def test_a_watchdog_that_would_be_downloaded_is_skipped_without_a_note(project: Project, line: str) -> None:
    built = project.build(f"FROM alpine\n{line}\nENV fprocess=cat\n")

    assert (built.notes, built.copies, built.files, built.fprocess) == ([], 0, None, "cat")


def test_a_watchdog_can_be_copied_from_a_stage_of_scratch_that_downloads_it(project: Project) -> None:
    url = "https://example.com/fwatchdog"

    built = project.build(
        f"FROM scratch AS w\nADD {url} /\nFROM alpine\nCOPY --from=w /fwatchdog /usr/bin/\n"
    )

    assert (built.notes, built.copies) == ([], 0)


def test_files_of_an_earlier_stage_are_found_unless_a_run_creates_them(project: Project) -> None:
    text = (
        "FROM alpine AS build\nWORKDIR /src\nCOPY lib lib\nCOPY handler.py .\nRUN make\n"
        "FROM alpine\n"
        "COPY --from=build /src/handler.py /app/\n"
        "COPY --from=0 src/lib/a.txt /app/b.txt\n"
        "COPY --from=BUILD /src /all\n"
        "COPY --from=build /src/*.py /some/\n"
        "COPY --from=build /src/made /usr/bin/\n"
        "COPY --from=build /out/*.so /usr/lib/\n"
    )

    built = project.build(text)

    expected = {"/app/handler.py", "/app/b.txt", "/all/lib/a.txt", "/all/handler.py", "/some/handler.py"}
    assert contents(built).keys() == expected
    assert built.notes == [
        f"COPY --from=build {source}: skipped, because it comes from an image or a RUN step."
        for source in ("/src/made", "/out/*.so")
    ]
    assert built.skipped_runs == ["line 5: RUN make"]


def test_files_of_an_image_that_was_built_before_are_found(project: Project) -> None:
    built = project.build("FROM alpine\nCOPY --from=earlier/files /etc/base.conf /x/\n")

    assert contents(built) == {"/x/base.conf": "base"}


def test_onbuild_runs_in_a_stage_that_builds_on_it(project: Project) -> None:
    text = (
        "FROM alpine AS base\nARG V=1\nONBUILD ENV A=$V\nONBUILD COPY handler.py /x/\nENV B=1\n"
        "FROM base\nENV C=$A\n"
    )

    built = project.build(text)

    assert built.environment == {"B": "1", "A": "1", "C": "1"}
    assert contents(built).keys() == {"/x/handler.py"}
    assert built.on_build == []


def test_without_copy_there_are_no_files(project: Project) -> None:
    built = project.build("FROM alpine\nWORKDIR /home/app\n")

    assert (built.files, built.workdir) == (None, "/home/app")


def test_the_template_echoes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    template = find_template("dockerfile")
    assert template is not None

    built = build(template / "function", tmp_path / "scratch", lambda _: None, {})

    assert built.fprocess == "cat"
    assert built.environment == {"fprocess": "cat", "write_debug": "false"}
    assert built.workdir == "/home/app"
    assert built.notes == []
