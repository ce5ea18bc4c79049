"""A Dockerfile as text: encodings, lines, instructions and inline files.

Error texts are those of BuildKit (moby/buildkit, frontend/dockerfile/parser
and instructions).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from dockerfile_build import Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.openfaas_cli.dockerfile.build import build
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.syntax import parse


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfFROM alpine\nENV a=b\n",
        b"\xef\xbb\xbf# escape=`\nFROM alpine\nENV a=b\n",
        b"FROM alpine\r\nENV a=b\r\n",
        b"FROM alpine\r\nENV \\\r\n  a=b\r\n",
        b"FROM alpine\nENV a=b",
        b"from alpine\nenv a=b\n",
        b"  FROM alpine\n\tENV a=b\n",
        b"\n\n# c\nFROM alpine\n\n\nENV a=b\n\n",
        b"# syntax=docker/dockerfile:1\nFROM alpine\nENV a=b\n",
        b"#syntax = docker/dockerfile:1\n# escape=\\\n# check=skip=all\nFROM alpine\nENV a=b\n",
        b"# caf\xe9, in Latin-1\nFROM alpine\nENV a=b\n",
        b"FROM alpine\nENV a=b\n# ENV a=c\n",
        b"FROM alpine\nENV a=b \\\n",
        b"FROM alpine\nMAINTAINER me\nENV a=b\n",
    ],
)
def test_a_file_is_read_however_it_is_written(project: Project, content: bytes) -> None:
    assert project.build(content).environment == {"a": "b"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("FROM alpine\nENV a=b\n".encode("utf-16"), "not UTF-8"),
        ("FROM alpine\nENV a=b\n".encode("utf-16-le"), "not UTF-8"),
        ("FROM alpine\nENV a=b\n".encode("utf-16-be"), "not UTF-8"),
        ("FROM alpine\nENV a=b\n".encode("utf-32"), "not UTF-8"),
        (b"FROM alpine\nENV a=\xe9\n", "line 2: string field contains invalid UTF-8"),
        (b"FROM alpine\nCOPY <<E /x\n\xe9\nE\n", "line 2: string field contains invalid UTF-8"),
        (b"", "the Dockerfile cannot be empty"),
        (b"# nothing\n\n", "file with no instructions"),
        (b"\n", "file with no instructions"),
        (b"ARG V=1\n", "dockerfile contains no stages to build"),
        (b"ENV a=b\nFROM alpine\n", "no build stage in current context"),
        (b"FROM alpine\nRUN " + b"x" * 65_536, "line greater than max allowed size of 65535"),
        (b"# escape=x\nFROM alpine\n", "invalid escape token 'x' does not match ` or \\"),
        (b"# escape=`\n# escape=`\nFROM alpine\n", "only one escape parser directive can be used"),
    ],
)
def test_a_file_that_docker_refuses_is_refused(project: Project, content: bytes, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        project.build(content)

    assert message in caught.value.headline
    assert str(project.folder / "Dockerfile") in caught.value.seen
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("FETCH x", "unknown instruction: FETCH"),
        ("FORM alpine", "unknown instruction: FORM (did you mean FROM?)"),
        ("fetch x", "unknown instruction: fetch"),
        ("FROM", "FROM requires either one or three arguments"),
        ("FROM a b", "FROM requires either one or three arguments"),
        ("FROM a TO b", "FROM requires either one or three arguments"),
        (
            "FROM a AS 1st",
            'invalid name for build stage: "1st", name can\'t start with a number or contain symbols',
        ),
        ("ENV", "ENV requires at least one argument"),
        ("ENV a", "ENV must have two arguments"),
        ("ENV a=b c", 'Syntax error - can\'t find = in "c". Must be of the form: name=value'),
        ("ENV =b", "ENV names can not be blank"),
        ("LABEL", "LABEL requires at least one argument"),
        ("ARG", "ARG requires at least one argument"),
        ("ARG =b", "ARG names can not be blank"),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("USER", "USER requires exactly one argument"),
        ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ("SHELL bash -c", "SHELL requires the arguments to be in JSON form"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK EXEC x", 'Unknown type "EXEC" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK --interval=3 CMD x", 'time: missing unit in duration "3"'),
        ("HEALTHCHECK --timeout=soon CMD x", 'time: invalid duration "soon"'),
        ("HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'),
        ("HEALTHCHECK --retries=x CMD x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --wait=3s CMD x", "unknown flag: --wait"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ("RUN echo $(( 1 << 3 ))", "unterminated heredoc"),
        ("ONBUILD", "ONBUILD requires at least one argument"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD FETCH x", "unknown instruction: FETCH"),
        (
            "COPY a",
            "COPY requires at least two arguments, but only one was provided."
            " Destination could not be determined",
        ),
        ("COPY --mode=1 a b", "unknown flag: --mode"),
        ("COPY --chown a b", "missing a value on flag: --chown"),
        ("COPY --chmod=1 --chmod=2 a b", "duplicate flag specified: --chmod"),
        ("COPY --link=x a b", "expecting boolean value for flag --link, not: x"),
        ("ENV --x a=b", "unknown flag: --x"),
        ("RUN --mounts=x y", "unknown flag: --mounts"),
        ("ADD --from=x a b", "unknown flag: --from"),
        ('COPY ["a", 1]', "arrays must be comprised of strings only"),
        ("RUN <<EOF\nx", "unterminated heredoc"),
        ("RUN <<EOF cat\nx\n EOF", "unterminated heredoc"),
        ("RUN cat <<A <<B\nx\nA\ny", "unterminated heredoc"),
        ("COPY <<EOF /x\nx", "unterminated heredoc"),
        ("COPY a <<EOF\nx\nEOF", "COPY cannot accept a heredoc as a destination"),
    ],
)
def test_a_wrong_instruction_is_an_error_with_docker_s_text_and_the_line(
    project: Project, line: str, message: str
) -> None:
    with pytest.raises(DockerfileError) as caught:
        project.build(f"FROM alpine\n\n{line}\n")

    assert caught.value.headline.startswith("dockerfile parse error on line 3: ")
    assert message in caught.value.headline
    assert f"Dockerfile, line 3: {line.splitlines()[0]}" in caught.value.seen


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("EXPOSE http", "invalid containerPort: http"),
        ("EXPOSE 80/http", "invalid proto: http"),
        ("EXPOSE /tcp", "no port specified: /tcp<empty>"),
        ("EXPOSE 2-1", "invalid containerPort: 2-1"),
        ("EXPOSE 65536", "invalid containerPort: 65536"),
        ("EXPOSE http:80", "invalid hostPort: http"),
        ("STOPSIGNAL SIGNONE", "Invalid signal: SIGNONE"),
        ("STOPSIGNAL 0", "Invalid signal: 0"),
        ("VOLUME $NONE", "VOLUME specified can not be an empty string"),
        ("USER ${NAME?no user}", "NAME: no user"),
        ("WORKDIR ${X", "missing '}'"),
    ],
)
def test_a_setting_that_the_lab_ignores_is_checked(project: Project, line: str, message: str) -> None:
    with pytest.raises(DockerfileError, match="line 2") as caught:
        project.build(f"FROM alpine\n{line}\n")

    assert message in caught.value.headline


def test_settings_that_the_lab_ignores_have_no_effect(project: Project) -> None:
    built = project.build(
        'FROM alpine\nUSER app\nENV PORTS="80 81/UDP"\nEXPOSE 8080 53/udp 1-2 8080:80 $PORTS\n'
        "VOLUME /data\nSTOPSIGNAL 9\nSTOPSIGNAL SIGTERM\n"
        'SHELL ["/bin/bash", "-c"]\n'
        "HEALTHCHECK --interval=3s --start-period=0 --retries=2 CMD [ -e /tmp/.lock ] || exit 1\n"
        'HEALTHCHECK NONE\nMAINTAINER me\nCMD ["fwatchdog"]\nENTRYPOINT ["tini", "--"]\n'
    )

    assert (built.environment, built.files, built.notes) == ({"PORTS": "80 81/UDP"}, None, [])


@pytest.mark.parametrize("line", ['CMD ["python3", "app.py"]', "CMD python3 app.py", "ENTRYPOINT ./app"])
def test_a_command_that_is_not_the_watchdog_is_reported(project: Project, line: str) -> None:
    (note,) = project.build(f"FROM alpine\n{line}\n").notes

    assert note == f"line 2: {line}: ignored, the lab starts its watchdog, and that starts ENV fprocess."


RUNS = [
    "RUN touch {marker}",
    "RUN apk add \\\n  figlet",
    "RUN apk add \\\n  # why\n\n  figlet",
    "RUN cat <<< hello",
    "RUN cat <<<hello",
    'RUN cat <<< "ENV fprocess=wrong"',
    "RUN <<EOF\napk add jq\nENV fprocess=wrong\nEOF",
    "RUN <<-EOF\n\tENV fprocess=wrong\n\tEOF",
    "RUN <<'EOF'\n$x\nEOF",
    'RUN <<"EOF" cat\nENV fprocess=wrong\nEOF',
    "RUN <<EOF cat > /a && <<EOT cat > /b\nENV fprocess=wrong\nEOF\nENV fprocess=wrong\nEOT",
    "RUN 3<<EOF cat <&3\nENV fprocess=wrong\nEOF",
    "RUN cat << EOF\nENV fprocess=wrong\nEOF",
    "RUN <<EOF\nRUN cat <<< x\nFROM scratch\nEOF",
    'RUN echo "<<EOF"',
    "RUN echo '<<EOF'",
    "RUN echo \\<<EOF",
    "RUN echo $((1<<3))",
    "RUN cat <file >/dev/null",
    'RUN ["echo", "<<EOF"]',
    "RUN --mount=type=cache,target=/root/.cache --network=none pip install x",
    "RUN --mount=type=bind,source=.,target=/src <<EOF\nENV fprocess=wrong\nEOF",
    "RUN --security=insecure true",
    "RUN it's",
    "RUN set -ex; \\\n\tif true; then \\\n\t\techo; \\\n\tfi",
    "RUN",
]


@pytest.mark.parametrize("run", RUNS)
def test_run_is_reported_and_nothing_below_it_is_lost(project: Project, run: str) -> None:
    marker = project.folder / "marker"

    built = project.build(f"FROM alpine\n{run.format(marker=marker)}\nENV fprocess=cat\nENV last=yes\n")

    assert built.environment == {"fprocess": "cat", "last": "yes"}
    assert [line.partition(":")[0] for line in built.skipped_runs] == ["line 2"]
    assert not marker.exists()


@given(runs=st.lists(st.sampled_from(RUNS), max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_instruction_after_any_run_is_lost(runs: list[str]) -> None:
    lines = [f"{run}\nENV after{index}=1" for index, run in enumerate(runs)]

    found = parse("\n".join(["FROM alpine", *lines, ""]).encode()).instructions

    names = [each.args[0] for each in found if each.name == "ENV"]
    assert names == [f"after{index}" for index in range(len(runs))]
    assert sum(each.name == "RUN" for each in found) == len(runs)


@given(content=st.text(alphabet="FROMENVCPYAU <>EOF'\"\\${}[]=-:#\n\t.*x`/é", max_size=80))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_an_image_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    folder = tmp_path_factory.mktemp("fn")
    (folder / "Dockerfile").write_text(f"FROM alpine\n{content}", encoding="utf-8", newline="")

    refused = None
    try:
        build(folder, folder / "scratch", lambda _: None, {})
    except DockerfileError as error:
        refused = error

    assert refused is None or (refused.headline and str(folder / "Dockerfile") in refused.seen)


def test_a_run_is_shown_on_one_line(project: Project) -> None:
    built = project.build("FROM alpine\nRUN a && \\\n    b\nRUN " + "x" * 300 + "\nRUN <<EOF\nc\nEOF\n")

    assert built.skipped_runs[0] == "line 2: RUN a && b"
    assert len(built.skipped_runs[1]) < 120
    assert built.skipped_runs[2] == "line 5: RUN <<EOF"


def test_a_missing_dockerfile_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="faas-cli new"):
        build(tmp_path, tmp_path / "scratch", lambda _: None, {})


def test_a_file_called_dockerfile_in_lower_case_is_read(project: Project, tmp_path: Path) -> None:
    project.add("dockerfile", "FROM alpine\nENV a=b\n")

    assert build(project.folder, tmp_path / "scratch", lambda _: None, {}).environment == {"a": "b"}


def test_a_list_that_is_nested_too_deep_is_an_error(project: Project) -> None:
    with pytest.raises(DockerfileError, match="nested too deep"):
        project.build("FROM alpine\nCOPY " + "[" * 20_000 + "\n")


def test_onbuild_with_an_inline_file_is_refused(project: Project) -> None:
    with pytest.raises(DockerfileError, match="line 2: ONBUILD with an inline file is not supported"):
        project.build("FROM alpine\nONBUILD RUN <<EOF\nENV a=b\nEOF\n")
