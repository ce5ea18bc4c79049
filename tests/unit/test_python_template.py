"""The template python3-http: a handler's results, and the build."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import labkit.openfaas_cli.faas_cli
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.faas_cli.build_context import build_context, requirement_notes
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit_services.images.store import ImageStore

TEMPLATE = Path(labkit.openfaas_cli.faas_cli.__file__).parent / "template/python3-http"


@pytest.fixture(scope="module")
def index() -> ModuleType:
    spec = importlib.util.spec_from_file_location("template_index", TEMPLATE / "index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("result", "status", "body", "content_type"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made", "text/plain; charset=utf-8"),
        ({"body": {"a": 1}}, 200, b'{"a": 1}', "application/json"),
        ({"body": "<p>", "headers": {"content-type": "text/html"}}, 200, b"<p>", "text/html"),
        ({"statusCode": 204}, 204, b"", None),
        ("text é", 200, "text é".encode(), "text/plain; charset=utf-8"),
        (b"\0\1", 200, b"\0\1", "application/octet-stream"),
        (("gone", 410), 410, b"gone", "text/plain; charset=utf-8"),
        (("x", {"Content-Type": "text/x"}), 200, b"x", "text/x"),
        (("x", 418, {"Content-Type": "text/x"}), 418, b"x", "text/x"),
        (None, 200, b"", None),
        (42, 200, b"42", "text/plain; charset=utf-8"),
    ],
)
def test_the_result_of_a_handler_is_the_response(
    index: ModuleType, result: Any, status: int, body: bytes, content_type: str | None
) -> None:
    response = index.response_of(result)

    types = [value for name, value in response.headers.items() if name.lower() == "content-type"]
    assert (response.status, response.body, types) == (status, body, [content_type] if content_type else [])


@pytest.mark.parametrize(
    "result", [{"statusCode": "200"}, {"statusCode": 99}, ("x", 1000), {"headers": {"a": "b\nc: d"}}]
)
def test_an_invalid_result_is_an_error(index: ModuleType, result: Any) -> None:
    with pytest.raises(TypeError):
        index.response_of(result)


def test_new_and_build_create_an_image_of_template_and_handler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert main(("new", "--lang", "python3-http", "notify", "--prefix=me")) == 0
    assert sorted(path.name for path in Path("notify").iterdir()) == ["handler.py", "requirements.txt"]
    Path("notify/requirements.txt").write_text("httpx>=0.1  # here\nno-such-package==1\n-r other.txt\n")
    assert main(("build",)) == 0

    image = ImageStore(tmp_path / ".labkit/images").get("me/notify")
    assert image is not None
    assert image.files is not None
    assert (image.fprocess, image.environment["mode"]) == ("python3 index.py", "http")
    assert image.cwd == image.files / "home/app"
    for name in ("index.py", "function/handler.py"):
        assert (image.files / "home/app" / name).is_file()
    assert image.process_environment({})["PATH"].startswith(str(image.files / "usr/local"))
    printed = capsys.readouterr().out
    assert "already in the lab's Python: httpx " in printed
    assert "the build installs nothing: no-such-package." in printed
    assert "RUN steps not executed" in printed

    assert main(("build", "--shrinkwrap")) == 0
    assert Path("build/notify/function/handler.py").is_file()
    assert Path("build/notify/Dockerfile").is_file()


def test_a_template_without_a_dockerfile_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("template/mine/function").mkdir(parents=True)
    Path("template/mine/template.yml").write_text("language: mine\n")

    with (
        pytest.raises(DockerfileError, match="mine not supported"),
        build_context(StackFunction("f", lang="mine", handler=tmp_path)),
    ):
        pass


def test_a_function_without_requirements_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# nothing\n\n")

    assert list(requirement_notes(tmp_path / "requirements.txt")) == []
    assert list(requirement_notes(tmp_path / "none.txt")) == []
