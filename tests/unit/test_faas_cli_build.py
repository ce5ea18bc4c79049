"""The verbs without a gateway (new, build, push), errors and help."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.faas_cli.verbs.store import store_functions
from labkit_services.images import catalogue
from labkit_services.images.store import ImageStore

FUNCTIONS = Path(__file__).parents[2] / "functions"
PROVIDER = "provider: {name: openfaas}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace without a lab, in which the work-alike runs."""
    (tmp_path / "lab7").mkdir()
    monkeypatch.chdir(tmp_path / "lab7")
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    for name in ("OPENFAAS_URL", "OPENFAAS_PREFIX", "OPENFAAS_STORE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Cli:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run one, check its exit code, and return its output, not coloured."""
        assert main(words) == code
        return re.sub(r"\x1b\[\d+m", "", self._capsys.readouterr().out)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def new(cli: Cli, name: str = "long-task", *flags: str, code: int = 0) -> str:
    return cli("new", "--lang", "dockerfile", name, "--prefix=me", *flags, code=code)


@pytest.fixture
def store(folder: Path) -> ImageStore:
    return ImageStore(folder / ".labkit/images")


@pytest.mark.row("4.2 new")
def test_new_creates_the_folder_and_the_stack_file(cli: Cli) -> None:
    printed = new(cli).splitlines()

    assert printed[0] == "Folder: long-task created."
    assert printed[-2:] == ["Function created in folder: long-task", "Stack file written: stack.yaml"]
    assert Path("stack.yaml").read_text() == (
        "version: 1.0\nprovider:\n  name: openfaas\n  gateway: http://127.0.0.1:8080\n"
        "functions:\n  long-task:\n    lang: dockerfile\n    handler: ./long-task\n"
        "    image: me/long-task:latest\n\n"
    )
    assert Path("stack.yaml").stat().st_mode & 0o777 == 0o600
    assert Path("long-task").stat().st_mode & 0o777 == 0o700
    assert 'ENV fprocess="cat"\n' in Path("long-task/Dockerfile").read_text()
    assert Path(".gitignore").read_text() == "template\nbuild\n.secrets\n"


@pytest.mark.row("4.2 new twice and --append")
def test_a_second_new_suggests_append(cli: Cli) -> None:
    new(cli)

    printed = new(cli, "second", code=1)

    assert printed == ('File: stack.yaml already exists. Try "faas-cli new --append stack.yaml" instead\n')
    assert not Path("second").exists()


@pytest.mark.row("4.2 new twice and --append")
def test_new_appends_a_second_function(cli: Cli) -> None:
    new(cli)

    printed = new(cli, "second", "--append", "stack.yaml", "--quiet", "--memory-limit=40Mi")

    assert printed.endswith("Stack file updated: stack.yaml\n")
    assert (
        Path("stack.yaml")
        .read_text()
        .endswith(
            "  second:\n    lang: dockerfile\n    handler: ./second\n    image: me/second:latest\n"
            "    limits:\n      memory: 40Mi\n\n"
        )
    )
    assert Path(".gitignore").read_text() == "template\nbuild\n.secrets\n"


def test_new_refuses_to_append_a_duplicate_name(cli: Cli) -> None:
    new(cli)

    assert new(cli, "long-task", "-a", "stack.yaml", code=1) == (
        "\nFunction long-task already exists in stack.yaml file. \n"
        "Cannot have duplicate function names in same yaml file\n"
    )


def test_new_leaves_an_existing_folder_alone(cli: Cli) -> None:
    Path("long-task").mkdir()

    assert new(cli, code=1) == "Folder: long-task already exists\n"
    assert not Path("stack.yaml").exists()


def test_new_keeps_the_content_of_gitignore(cli: Cli) -> None:
    Path(".gitignore").write_text("build\n*.pyc")

    new(cli)

    assert Path(".gitignore").read_text() == "build\n*.pyc\ntemplate\n.secrets\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Long_Task", "--lang", "dockerfile"], "Function name can only contain a-z, 0-9 and dashes"),
        (["f"], "You must supply a function language with the --lang flag"),
        (["--lang", "dockerfile"], "Please provide a name for the function"),
        (
            ["f", "--lang", "cobol"],
            'Template: "cobol" was not found in the templates folder or in the store\n',
        ),
        (["f", "--lang", "dockerfile", "-a", "s.txt"], "When appending to a stack the suffix should be"),
        (
            ["f", "--lang", "dockerfile", "-a", "none.yaml"],
            "Unable to find file: none.yaml - stat none.yaml: no such",
        ),
    ],
)
def test_new_fails_with_the_messages_of_the_real_one(cli: Cli, words: list[str], message: str) -> None:
    assert cli("new", *words, code=1).startswith(message)
    assert list(Path().iterdir()) == []


def test_new_accepts_handler_gateway_and_the_prefix_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFAAS_PREFIX", "ghcr.io/me")
    Path("src").mkdir()

    cli("new", "f", "--lang", "Dockerfile", "--handler", "src/f", "-g", "http://gw:1/", "-q")

    text = Path("stack.yaml").read_text()
    assert "gateway: http://gw:1\n" in text
    assert "    lang: dockerfile\n    handler: ./src/f\n    image: ghcr.io/me/f:latest\n" in text
    assert Path("src/f/Dockerfile").is_file()


@pytest.mark.row("4.2 template")
def test_a_template_of_the_folder_is_used(cli: Cli) -> None:
    own = Path("template/mine/function")
    own.mkdir(parents=True)
    Path("template/mine/template.yml").write_text("language: mine\n")
    (own / "handler.sh").write_text("#!/bin/sh\n")

    cli("new", "f", "--lang", "mine")

    assert Path("f/handler.sh").is_file()
    assert (
        cli("new", "--list") == "Languages available as templates:\n- dockerfile\n- mine\n- python3-http\n\n"
    )


@pytest.mark.row("4.3 build")
def test_build_creates_the_image_that_the_dockerfile_describes(cli: Cli, store: ImageStore) -> None:
    new(cli)
    file = Path("long-task/Dockerfile")
    file.write_text(file.read_text().replace('fprocess="cat"', 'fprocess="sleep 1"'))

    printed = cli("build")

    lines = re.sub(r"\d+\.\d\ds", "0.00s", printed).splitlines()
    assert lines == [
        "[0] > Building long-task.",
        "Building: me/long-task:latest with dockerfile template. Please wait..",
        "Dockerfile: 0 COPY, fprocess: sleep 1",
        "2 RUN steps not executed: without a container, the process runs on this machine as it is.",
        "Image: me/long-task:latest built.",
        "[0] < Building long-task done in 0.00s.",
        "[0] Worker done.",
        "",
        "Total build time: 0.00s",
    ]
    image = store.get("me/long-task")
    assert image is not None
    assert image.fprocess == "sleep 1"


def test_the_lab_text_placeholder_is_a_valid_prefix(cli: Cli, store: ImageStore) -> None:
    cli("new", "--lang", "dockerfile", "long-task", "--prefix=<your-docker-username-here>")
    cli("build")
    cli("push")

    assert store.get("<your-docker-username-here>/long-task:latest") is not None


def test_the_functions_of_the_lab_can_be_built(cli: Cli, store: ImageStore) -> None:
    shutil.copytree(FUNCTIONS, "functions")
    os.chdir("functions")

    cli("build")

    assert {image.ref: image.fprocess for image in store.list()} == {
        "lab/cat:latest": "cat",
        "lab/fail:latest": "./fail.sh",
        "lab/figlet:latest": "figlet",
        "lab/flaky:latest": "./flaky.sh",
        "lab/long-task:latest": "sleep 1",
        "lab/notify:latest": "./notify.sh",
    }
    notify = store.get("lab/notify")
    assert notify is not None
    assert notify.cwd is not None
    assert (notify.cwd / "notify.sh").stat().st_mode & 0o100


def test_build_continues_after_a_failed_function_and_exits_with_1(cli: Cli, store: ImageStore) -> None:
    new(cli, "bad")
    new(cli, "good", "-a", "stack.yaml")
    Path("bad/Dockerfile").write_text("FROM alpine\nCOPY missing .\n")

    printed = cli("build", code=1)

    assert "Errors received during build:\n- missing is not in the function's folder" in printed
    assert "line 2: COPY missing ." in printed
    assert [image.ref for image in store.list()] == ["me/good:latest"]


def test_build_takes_a_function_from_flags(cli: Cli, store: ImageStore) -> None:
    Path("f").mkdir()
    Path("f/Dockerfile").write_text('FROM alpine\nARG N=1\nENV fprocess="sleep $N"\n')

    cli("build", "--image=f", "--handler=f", "--name=f", "--lang=dockerfile", "-b", "N=5")

    image = store.get("f")
    assert image is not None
    assert image.fprocess == "sleep 5"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Please provide a valid --image name for your Docker image"),
        (["--image=f"], "Please provide the full path to your function's handler"),
        (["--image=f", "--handler=f"], "Please provide the deployed --name of your function"),
        (["--parallel=0"], "The --parallel flag must be great than 0"),
        (["--tag=none"], 'Invalid argument "none" for "--tag" flag'),
        (["--build-arg", "x", "--image=f", "--handler=f", "--name=f"], "Each build-arg must take"),
        (["--build-arg", "=x"], "Build-arg must have a non-empty key\n"),
        (["--build-arg", "x= "], "Build-arg must have a non-empty value\n"),
        (["--build-label", "x"], "Error parsing build-labels: label format is not correct, needs key=value"),
        (["--nonsense"], "Unknown flag: --nonsense"),
    ],
)
def test_build_fails_with_the_messages_of_the_real_one(cli: Cli, words: list[str], message: str) -> None:
    assert cli("build", *words, code=1).startswith(message)


def test_build_refuses_a_language_without_a_template(cli: Cli) -> None:
    Path("stack.yaml").write_text(PROVIDER + "functions: {f: {lang: node, handler: ./f, image: me/f}}")

    error = "language template: node not supported, build a custom Dockerfile"

    assert cli("build", code=1).endswith(f"\nErrors received during build:\n- {error}\n\n")


def test_build_skips_functions_with_skip_build(cli: Cli, store: ImageStore) -> None:
    Path("stack.yaml").write_text(PROVIDER + "functions: {f: {skip_build: true, image: me/f}}")

    assert "Skipping build of: f.\n" in cli("build")
    assert list(store.list()) == []


@pytest.mark.row("4.3 build")
def test_shrinkwrap_only_copies(cli: Cli, store: ImageStore) -> None:
    new(cli)

    assert "long-task shrink-wrapped to build/long-task\n" in cli("build", "--shrinkwrap")
    assert Path("build/long-task/Dockerfile").is_file()
    assert list(store.list()) == []


def test_build_leaves_no_temporary_folder(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    new(cli)
    cli("build")

    assert list((tmp_path / "tmp").iterdir()) == []


def test_push_needs_no_registry(cli: Cli) -> None:
    new(cli)

    assert cli("push").splitlines() == [
        "[0] > Pushing long-task [me/long-task:latest]",
        "[0] < Pushing long-task [me/long-task:latest] done.",
        "Nothing was sent: the lab runs functions on this machine, and needs no registry.",
        "[0] Worker done.",
    ]


@pytest.mark.row("4.3 push")
def test_push_refuses_an_image_without_a_prefix(cli: Cli) -> None:
    cli("new", "f", "--lang", "dockerfile")

    printed = cli("push", code=1)

    assert "Unable to push one or more of your functions to Docker Hub:\n- f\n" in printed
    assert "You must provide a username or registry prefix" in printed


def test_push_needs_a_stack_file(cli: Cli) -> None:
    assert cli("push", code=1) == "You must supply a valid YAML file\n"


def test_the_functions_of_the_store_are_well_known_images() -> None:
    functions = store_functions("")

    assert "figlet" in [function["name"] for function in functions]
    for function in functions:
        assert catalogue.find(function["images"]["x86_64"]) is not None


@pytest.mark.row("4.4 store")
def test_the_store_is_listed_and_inspected(cli: Cli) -> None:
    lines = cli("store", "list").splitlines()

    assert lines[1].split() == ["FUNCTION", "AUTHOR", "DESCRIPTION"]
    assert any(re.fullmatch(r"figlet +openfaas +Figlet", line) for line in lines)
    names = "nodeinfo alpine env sleep shasum figlet printer curl hey chaos"
    assert [f["name"] for f in json.loads(cli("store", "ls", "--json"))] == names.split()
    printed = cli("store", "inspect", "figlet")
    assert re.search(r"^Image: +ghcr\.io/openfaas/figlet:latest$", printed, re.MULTILINE)
    assert re.search(r"^Process: +figlet$", printed, re.MULTILINE)


def test_a_flag_or_a_variable_selects_another_store(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"functions": [{"name": "mine", "title": "My own", "images": {"x86_64": "me/mine"}}]}
    Path("store.json").write_text(json.dumps(content))

    assert "mine" in cli("store", "list", "--url", "store.json")
    monkeypatch.setenv("OPENFAAS_STORE", "store.json")
    assert "mine" in cli("store", "list")
    assert cli("store", "inspect", "figlet", code=1).startswith(
        "Function 'figlet' not found for platform 'x86_64'\n"
    )
    printed = cli("store", "list", "-u", "none", code=1)
    assert printed.startswith("Cannot read result from OpenFaaS store at URL: none\n")


def test_deploy_refuses_to_update_and_replace(cli: Cli) -> None:
    printed = cli("deploy", "--replace", "--image=i", "--name=n", code=1)

    assert printed.endswith("Cannot specify --update and --replace at the same time\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], 'Unknown command "fly" for "faas-cli"\n'),
        (["invoke"], "Please provide a name for the function\n"),
        (["describe"], "Please provide a name for the function\n"),
        (["remove"], "Please provide the name of a function to delete\n"),
        (["deploy"], "To deploy a function give --yaml/-f or a --image and --name flag\n"),
        (["logs"], "Function name is required\n"),
        (["store", "deploy"], "Please provide the function name\n"),
        (
            ["invoke", "f", "--sign", "X"],
            "Signing requires both --sign <header-value> and --key <key-value>\n",
        ),
        (
            ["invoke", "f", "-H", "X"],
            "The --header or -H flag must take the form of 'Key: Value' or 'key=value'\n",
        ),
        (["list", "-f", "none.yaml"], "Open none.yaml: no such file or directory\n"),
        (["login"], "Must provide a non-empty password via --password or --password-stdin\n"),
        (["logout"], "Gateway http://127.0.0.1:8080 not found in config\n"),
        (["ready", "--attempts=0"], "Attempts must be greater than 0\n"),
    ],
)
@pytest.mark.row("4.1 errors")
def test_errors_go_to_standard_output_with_a_capital_and_exit_code_1(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path / "config"))

    assert cli(*words, code=1).startswith(message)


@pytest.mark.row("4.5 unsupported method")
def test_an_unknown_method_is_ignored_as_in_the_real_one(cli: Cli) -> None:
    assert cli("invoke", "f", "-m", "HEAD") == ""


def test_without_a_lab_the_error_tells_how_to_start_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    gone = ["-g", "http://127.0.0.1:1"]

    assert cli("invoke", "f", *gone, code=1).splitlines() == [
        'Failed to invoke function: Post "http://127.0.0.1:1/function/f.openfaas-fn": '
        "dial tcp 127.0.0.1:1: connect: connection refused",
        "  next:     start this folder's lab in a terminal (labkit up) or a notebook (Lab.start())",
    ]
    printed = cli("list", *gone, code=1)
    assert printed.startswith("Cannot connect to OpenFaaS on URL: http://127.0.0.1:1\n")
    assert "labkit up" in printed


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_the_overview_lists_every_verb(cli: Cli, words: list[str]) -> None:
    printed = cli(*words)

    for verb in (
        "new",
        "build",
        "push",
        "deploy",
        "up",
        "list",
        "describe",
        "remove",
        "logs",
        "store",
        "invoke",
    ):
        assert re.search(rf"^  {verb} ", printed, re.MULTILINE), verb


@pytest.mark.parametrize("words", [["invoke", "--help"], ["help", "invoke"], ["invoke", "f", "-h"]])
def test_the_help_of_a_verb_lists_its_flags(cli: Cli, words: list[str]) -> None:
    printed = cli(*words)

    assert "faas-cli invoke FUNCTION_NAME" in printed
    assert "-a, --async" in printed
    assert "--content-type string" in printed


def test_a_group_without_a_verb_prints_its_help(cli: Cli) -> None:
    assert "faas-cli store [command]" in cli("store")


def test_global_flags_may_precede_the_verb(cli: Cli) -> None:
    Path("other.yaml").write_text(PROVIDER + "functions: {f: {skip_build: true, image: me/f}}")

    assert "Skipping build of: f." in cli("-f", "other.yaml", "build")
    assert "Skipping build of: f." in cli("--yaml=other.yaml", "build")
