"""The template python3-http: a handler's results, and the build."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from werkzeug.wrappers import Response as FlaskResponse  # schemathesis brings it

import labkit.openfaas_cli.faas_cli
from labkit.openfaas_cli.dockerfile import DockerfileError, read_dockerfile
from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.faas_cli.build_context import create_build_context, requirement_notes
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.templates import Template
from labkit_services.images.store import ImageStore

TEMPLATE = Path(labkit.openfaas_cli.faas_cli.__file__).parent / "template/python3-http"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"template_{name}", TEMPLATE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


answer, event = _module("answer"), _module("event")
HTML, JSON = "text/html; charset=utf-8", "application/json"


@dataclass
class Point:
    x: int


# The expected bodies, types and errors were measured with the template's index.py and Flask 3.1.3.
@pytest.mark.parametrize(
    ("result", "status", "body", "content_type"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made", HTML),
        ({"body": {"b": 1, "a": "é<"}}, 200, b'{"a":"\\u00e9<","b":1}\n', JSON),
        ({"body": "<p>", "headers": {"content-type": "text/css"}}, 200, b"<p>", "text/css"),
        ({"body": {"a": 1}, "headers": {"Content-Type": "x/json"}}, 200, b'{"a":1}\n', "x/json"),
        ({"body": 5}, 200, b"5", HTML),
        ({"statusCode": 204}, 204, b"", HTML),
        ({}, 200, b"", HTML),
        ({"message": "not a body"}, 200, b"", HTML),
        ({"statusCode": "201", "body": "x"}, 201, b"x", HTML),
        ({"statusCode": "404 Not Found", "body": "x"}, 404, b"x", HTML),
        ({"statusCode": HTTPStatus.CREATED, "body": "x"}, 201, b"x", HTML),
        ({"statusCode": None, "headers": None, "body": "x"}, 200, b"x", HTML),
        ("text é", 200, "text é".encode(), HTML),
        (b"\0\1", 200, b"\0\1", HTML),
        (bytearray(b"x"), 200, b"x", HTML),
        ([1, {"b": 1, "a": "é"}], 200, b'[1,{"a":"\\u00e9","b":1}]\n', JSON),
        (("gone", 410), 410, b"gone", HTML),
        (("x", "201 MADE"), 201, b"x", HTML),
        (("x", {"Content-Type": "text/x"}), 200, b"x", "text/x"),
        (("x", 418, {"Content-Type": "text/x"}), 418, b"x", "text/x"),
        (("x", 418, [("Content-Type", "text/x")]), 418, b"x", "text/x"),
        (({"a": 1}, 201), 201, b'{"a":1}\n', JSON),
        ((b"x", 201), 201, b"x", HTML),
        (None, 200, b"", HTML),
        ({"body": {"a": Decimal("1.50")}}, 200, b'{"a":"1.50"}\n', JSON),
        ({"body": {"a": date(2026, 1, 2)}}, 200, b'{"a":"Fri, 02 Jan 2026 00:00:00 GMT"}\n', JSON),
        ({"body": {"a": datetime(2026, 1, 2, 3)}}, 200, b'{"a":"Fri, 02 Jan 2026 03:00:00 GMT"}\n', JSON),
        ({"body": {"a": UUID(int=1)}}, 200, b'{"a":"00000000-0000-0000-0000-000000000001"}\n', JSON),
        ({"body": {"a": Point(1)}}, 200, b'{"a":{"x":1}}\n', JSON),
        (FlaskResponse("r", 202), 202, b"r", "text/plain; charset=utf-8"),
        ((FlaskResponse("r"), 202), 202, b"r", "text/plain; charset=utf-8"),
        # Here the template writes what Python calls these values: "b'x'", "[1, 'a']", "None".
        ({"body": b"x"}, 200, b"x", HTML),
        ({"body": [1, "a"]}, 200, b'[1,"a"]\n', JSON),
        ({"body": None}, 200, b"", HTML),
    ],
)
def test_the_result_of_a_handler_is_the_response(
    result: Any, status: int, body: bytes, content_type: str
) -> None:
    response = answer.response_of(result)

    types = [value for name, value in response.headers if name.lower() == "content-type"]
    assert (response.status, response.body, types) == (status, body, [content_type])


def test_a_generator_s_parts_are_the_body() -> None:
    assert answer.response_of(part for part in ("a", b"b")).body == b"ab"


COOKIES = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


@pytest.mark.parametrize(
    "headers",
    [
        [("X-A", "1"), *COOKIES],
        [["X-A", 1], ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
        (("X-A", "1"), *COOKIES),
        {"X-A": 1, "Set-Cookie": ["a=1", "b=2"]},
    ],
    ids=["list of tuples", "list of lists", "tuple", "dict with a list"],
)
@pytest.mark.parametrize("form", ["dict", "pair", "triple"])
def test_headers_may_be_a_list_of_pairs(headers: Any, form: str) -> None:
    results: dict[str, Any] = {
        "dict": {"body": "x", "headers": headers},
        "pair": ("x", headers),
        "triple": ("x", 200, headers),
    }

    response = answer.response_of(results[form])

    assert response.headers == [("X-A", "1"), *COOKIES, ("Content-Type", HTML)]


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "abc"},
        {"statusCode": 99},
        {"statusCode": 200.0},
        {"statusCode": True},
        ("x", 1000),
        ("x",),
        ("x", 200, {}, 1),
        (None, 201),
        42,
        1.5,
        True,
        {1},
        {"body": {"a": {1}}},
        {"headers": {"a": "b\nc: d"}},
        {"headers": [("a",)]},
        {"headers": ["ab"]},
        {"headers": "text"},
        {"headers": {"a": "ā"}},
    ],
    ids=str,
)
def test_an_invalid_result_is_an_error(result: Any) -> None:
    with pytest.raises(TypeError):
        answer.response_of(result)


def test_the_query_has_first_values_and_all_of_them() -> None:
    query = event.Query([("x", "1"), ("x", "2"), ("n", "3"), ("e", "")])

    assert (query["x"], query.get("x"), query.getlist("x"), query.getlist("none")) == (
        "1",
        "1",
        ["1", "2"],
        [],
    )
    assert dict(query) == query.to_dict() == json.loads(json.dumps(query)) == {"x": "1", "n": "3", "e": ""}
    assert query.to_dict(flat=False) == {"x": ["1", "2"], "n": ["3"], "e": [""]}
    assert (query.get("n", type=int), query.get("e", 7, type=int), query.get("none", 8)) == (3, 7, 8)
    assert "none" not in query
    with pytest.raises(KeyError):
        query["none"]


def test_headers_ignore_case_and_iterate_as_pairs() -> None:
    headers = event.Headers([("x-a", "1"), ("X-A", "2"), ("host", "h"), ("X-N", "5")])

    assert (headers["X-a"], headers.get("x-A"), headers.getlist("x-a")) == ("1, 2", "1, 2", ["1, 2"])
    assert list(headers) == list(headers.items()) == [("X-A", "1, 2"), ("Host", "h"), ("X-N", "5")]
    assert dict(headers) == {"X-A": "1, 2", "Host": "h", "X-N": "5"}
    assert (list(headers.keys()), list(headers.values())) == (["X-A", "Host", "X-N"], ["1, 2", "h", "5"])
    assert (len(headers), "HOST" in headers, "none" in headers) == (3, True, False)
    assert (headers.get("x-n", type=int), headers.get("host", 7, type=int), headers.get("none")) == (
        5,
        7,
        None,
    )
    assert str(headers) == "X-A: 1, 2\r\nHost: h\r\nX-N: 5\r\n\r\n"
    assert headers.get_all("none") == []
    with pytest.raises(KeyError):
        headers["none"]


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
    for name in ("index.py", "event.py", "answer.py", "function/handler.py"):
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

    context = create_build_context(
        StackFunction("f", lang="mine", handler="template/mine/function"), Template(Path("template/mine")), []
    )

    with pytest.raises(DockerfileError, match=r"cannot read build/f/Dockerfile"):
        read_dockerfile(context, lambda _: None, {})


def test_a_function_without_requirements_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# nothing\n\n")

    assert list(requirement_notes(tmp_path / "requirements.txt")) == []
    assert list(requirement_notes(tmp_path / "none.txt")) == []
