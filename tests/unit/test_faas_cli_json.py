"""``--json`` of faas-cli: fields, their order, empty lists and errors.

The JSON of the gateway and what Go makes of it were measured: Go's
``encoding/json`` with the structs of faas-cli and of faas-provider.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labkit.openfaas_cli.faas_cli import go_json, main
from labkit.openfaas_cli.faas_cli.gateway import CLI_VERSION
from labkit_services.contract.names import VERSION

FULL = """{"availableReplicas": 1, "replicas": 1, "image": "me/é<&>:latest", "name": "f",
 "labels": {"b": "2", "a": "1"}, "annotations": {}, "envVars": {"Z": "1", "A": "\\u2028"},
 "limits": {"cpu": "1", "memory": "5Mi"}, "invocationCount": 3.0, "secrets": [], "unknown": 1,
 "createdAt": "2026-01-02T03:04:05.120000Z", "usage": {"totalMemoryBytes": 1048576.0, "cpu": 1.5}}"""
FULL_AS_GO = r"""{
  "name": "f",
  "image": "me/é\u003c\u0026\u003e:latest",
  "envVars": {
    "A": "\u2028",
    "Z": "1"
  },
  "labels": {
    "a": "1",
    "b": "2"
  },
  "annotations": {},
  "limits": {
    "memory": "5Mi",
    "cpu": "1"
  },
  "invocationCount": 3,
  "replicas": 1,
  "availableReplicas": 1,
  "createdAt": "2026-01-02T03:04:05.12Z",
  "usage": {
    "cpu": 1.5,
    "totalMemoryBytes": 1048576
  }"""
STORE = {
    "functions": [
        {"name": "a", "title": "A <b>", "images": {"x86_64": "me/a"}, "labels": {"z": "1", "y": "2"}},
        {"name": "b", "title": "t" * 41, "author": "me", "images": {"arm64": "me/b"}},
    ]
}
TEMPLATES = [
    {"template": "go", "platform": "x86_64", "language": "Go", "source": "me", "official": "true"},
    {"template": "b", "platform": "x86_64", "description": "é", "repo": "r", "recommended": True},
    {"template": "c", "platform": "armhf", "source": "me"},
]
INFO = {
    "provider": {"provider": "p", "orchestration": "o", "version": {"release": "1", "sha": "s"}},
    "version": {"release": "2", "sha": "t"},
}


class _Gateway(ThreadingHTTPServer):
    daemon_threads = True
    answers: dict[str, tuple[int, str]]


class _Handler(BaseHTTPRequestHandler):
    server: _Gateway

    def do_GET(self) -> None:
        status, body = self.server.answers.get(self.path.partition("?")[0], (404, ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Gateway]:
    """A gateway at an address that is not this machine's usual one, so that faas-cli warns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    monkeypatch.setenv("OPENFAAS_CONFIG", str(tmp_path))
    with _Gateway(("127.0.0.2", 0), _Handler) as server:
        server.answers = {}
        monkeypatch.setenv("OPENFAAS_URL", f"http://127.0.0.2:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def _printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    return capsys.readouterr().out


def test_describe_json(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    status = json.loads(FULL) | {"invocationCount": 0}
    gateway.answers["/system/function/f"] = (200, json.dumps(status))
    gateway.answers["/system/functions"] = (200, f"[{FULL}]")

    printed = _printed(capsys, "describe", "f", "--json", "-n", "dev")

    url = f"http://127.0.0.2:{gateway.server_port}"
    assert printed == FULL_AS_GO.replace('  "invocationCount": 3,\n', "") + (
        ',\n  "Status": "Ready",\n  "InvocationCount": 3,\n'
        f'  "URL": "{url}/function/f.dev",\n  "AsyncURL": "{url}/async-function/f.dev"\n}}\n'
    )


def test_list_json(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    plain = '{"name": "g", "image": "i", "labels": null, "createdAt": "2026-01-02T03:04:05+00:00"}'
    gateway.answers["/system/functions"] = (200, f'[{plain}, {FULL}, {{"name": "h", "image": "i"}}]')

    printed = _printed(capsys, "list", "-j")

    first = "\n".join(f"  {line}" for line in f"{FULL_AS_GO}\n}}".splitlines())
    assert printed == (
        f"[\n{first},\n"
        '  {\n    "name": "g",\n    "image": "i",\n    "createdAt": "2026-01-02T03:04:05Z"\n  },\n'
        '  {\n    "name": "h",\n    "image": "i",\n    "createdAt": "0001-01-01T00:00:00Z"\n  }\n]\n'
    )


@pytest.mark.parametrize("words", [("-q",), ("-v",), ("-q", "-v")], ids=str)
def test_list_json_is_above_quiet_and_verbose(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    gateway.answers["/system/functions"] = (200, "[]")

    assert _printed(capsys, "list", "--json", *words) == "[]\n"


@pytest.mark.parametrize(("body", "printed"), [("[]", "[]\n"), ("null", "null\n")])
def test_list_json_of_no_function(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], body: str, printed: str
) -> None:
    gateway.answers["/system/functions"] = (200, body)

    assert _printed(capsys, "list", "--json") == printed


def test_version_json(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["/system/info"] = (200, json.dumps(INFO))

    assert _printed(capsys, "version", "--json") == (
        f'{{\n  "cli": {{\n    "commit": "labkit {VERSION}, a work-alike",\n'
        f'    "version": "{CLI_VERSION}"\n  }},\n'
        f'  "gateway": {{\n    "uri": "http://127.0.0.2:{gateway.server_port}",\n'
        '    "version": "2",\n    "sha": "t"\n  },\n  "provider": {\n    "name": "p",\n'
        '    "orchestration": "o",\n    "version": "1",\n    "sha": "s"\n  }\n}\n'
    )
    assert _printed(capsys, "version", "--json", "--short-version") == f"{CLI_VERSION}\n"


LOG_IN = 'Unauthorized access, run "faas-cli login" to setup authentication for this server\n'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((path, LOG_IN) for path in ("version", "secret list", "list", "describe f")),
        ("namespace list", "Check authorization, status code: 401\n"),
    ],
)
def test_json_without_a_login_is_an_error_and_not_json(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], path: str, expected: str
) -> None:
    for route in ("info", "secrets", "functions", "namespaces", "function/f"):
        gateway.answers[f"/system/{route}"] = (401, "invalid credentials\n")

    printed = _printed(capsys, *path.split(), "--json", code=1)

    assert expected in printed
    assert not printed.startswith(("{", "["))


def test_version_json_fails_without_a_gateway_but_version_does_not(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFAAS_URL", "http://127.0.0.1:1")

    printed = _printed(capsys, "version", "-j", code=1)
    assert printed.startswith("Cannot connect to OpenFaaS on URL: http://127.0.0.1:1\n")
    assert f"  version: {CLI_VERSION}\n" in _printed(capsys, "version")


def test_secret_list_json(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["/system/secrets"] = (200, '[{"namespace": "n", "name": "s"}, {"name": "t"}]')

    printed = _printed(capsys, "secret", "list", "--json")

    expected = '[\n  {\n    "name": "s",\n    "namespace": "n"\n  },\n  {\n    "name": "t"\n  }\n]\n'
    assert printed == expected


def test_an_empty_secret_list_is_json_and_without_the_warning(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answers["/system/secrets"] = (200, "[]")

    assert _printed(capsys, "secret", "ls", "-j") == "[]\n"
    printed = _printed(capsys, "secret", "ls")
    assert printed.startswith("WARNING!")
    assert printed.endswith("\nNo secrets found.\n")


@pytest.mark.parametrize(
    ("words", "warned"), [(("--json",), False), (("-o", "json"), True), ((), True)], ids=str
)
def test_logs_json_is_one_object_a_line_without_the_warning(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], warned: bool
) -> None:
    line = {"text": "é <1>\n", "name": "f", "timestamp": "2026-01-02T03:04:05.500000Z", "instance": "i"}
    gateway.answers["/system/logs"] = (200, json.dumps(line))

    printed = _printed(capsys, "logs", "f", "--tail=false", *words)

    assert printed.startswith("WARNING!") == warned
    if words:
        assert printed.endswith(
            '{"name":"f","namespace":"","instance":"i","timestamp":"2026-01-02T03:04:05.5Z",'
            '"text":"é \\u003c1\\u003e\\n"}\n'
        )


def test_namespace_list_json(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["/system/namespaces"] = (200, '["a", "b"]')

    assert _printed(capsys, "namespace", "list", "--json") == '[\n  "a",\n  "b"\n]\n'


# -- the stores


@pytest.fixture
def stores(gateway: _Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("STORE", STORE), ("TEMPLATE_STORE_URL", TEMPLATES)):
        (tmp_path / name).write_text(json.dumps(content))
        monkeypatch.setenv(f"OPENFAAS_{name}", name)


A_JSON = """{
  "icon": "",
  "title": "A \\u003cb\\u003e",
  "description": "",
  "name": "a",
  "fprocess": "",
  "repo_url": "",
  "readOnlyRootFilesystem": false,
  "environment": null,
  "labels": {
    "y": "2",
    "z": "1"
  },
  "annotations": null,
  "images": {
    "x86_64": "me/a"
  }
}
"""


@pytest.mark.usefixtures("stores")
def test_store_list_and_inspect_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, "store", "inspect", "a", "--json") == A_JSON
    indented = "".join(f"  {line}\n" for line in A_JSON.splitlines())
    assert _printed(capsys, "store", "list", "--json") == f"[\n{indented}]\n"


@pytest.mark.usefixtures("stores")
def test_the_store_lists_one_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, "store", "list", "-p", "missing", "--json") == "[]\n"
    assert _printed(capsys, "store", "list", "-p", "missing") == (
        "No functions found in the store for platform 'missing', try one of the following: x86_64, arm64\n"
    )
    header = "\nFUNCTION AUTHOR DESCRIPTION\n"
    assert _printed(capsys, "store", "list", "-p", "ARM64") == f"{header}b        me     {'t' * 41}\n\n"
    assert _printed(capsys, "store", "list", "-p", "arm64", "-v=false") == (
        f"{header}b        me     {'t' * 37}...\n\n"
    )
    printed = _printed(capsys, "store", "inspect", "b", code=1)
    assert printed.startswith("Function 'b' not found for platform 'x86_64'\n")


@pytest.mark.parametrize(
    ("status", "body"), [(200, "no JSON"), (200, "[]"), (404, '{"functions": []}'), (500, "")]
)
def test_a_store_that_cannot_be_read(
    gateway: _Gateway, capsys: pytest.CaptureFixture[str], status: int, body: str
) -> None:
    gateway.answers["/store.json"] = (status, body)
    url = f"http://127.0.0.2:{gateway.server_port}/store.json"

    printed = _printed(capsys, "store", "list", "--json", "-u", f"{url}/", code=1)

    assert printed.startswith(f"Cannot read result from OpenFaaS store at URL: {url}\n")


def test_an_empty_store(gateway: _Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.answers["/store.json"] = (200, '{"version": "1.0"}')
    url = f"http://127.0.0.2:{gateway.server_port}/store.json"

    assert _printed(capsys, "store", "list", "-j", "-u", url) == "[]\n"


@pytest.mark.usefixtures("stores")
def test_template_store_list_json(capsys: pytest.CaptureFixture[str]) -> None:
    fields = ("template", "platform", "language", "source", "description", "repo", "official")
    first: dict[str, Any] = dict.fromkeys(fields, "") | TEMPLATES[0] | {"recommended": False}
    second: dict[str, Any] = dict.fromkeys(fields, "") | TEMPLATES[1]

    def go(content: Any) -> str:
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    assert _printed(capsys, "template", "store", "list", "--json") == go([second, first])
    assert _printed(capsys, "template", "store", "ls", "-j", "--official") == go([first])
    assert _printed(capsys, "template", "store", "ls", "-j", "-r") == go([second])
    assert _printed(capsys, "template", "store", "ls", "-j", "-p", "none") == "[]\n"
    assert _printed(capsys, "template", "store", "describe", "me/go", "-j") == go(first)


@pytest.mark.usefixtures("stores")
def test_template_store_list_and_describe(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, "template", "store", "list") == (
        "\nNAME RECOMMENDED DESCRIPTION SOURCE\nb    [x]                     é\n"
        "go   [ ]         me          \n\n"
    )
    assert _printed(capsys, "template", "store", "list", "-v") == (
        "\nNAME RECOMMENDED SOURCE DESCRIPTION LANGUAGE PLATFORM\n"
        "b    [x]                é                    x86_64\n"
        "go   [ ]         me                 Go       x86_64\n\n"
    )
    assert _printed(capsys, "template", "store", "describe", "go") == (
        "\nName:        go\nDescription: \nLanguage:    Go\nSource:      me\nRepository:  \n"
        "Platform:    x86_64\nOfficial:    [x]\nRecommended: [ ]\n\n"
    )
    printed = _printed(capsys, "template", "store", "describe", "none", code=1)
    assert printed.startswith(
        "Error while searching for template in store: "
        "template with name: `none` does not exist in the store\n"
    )
    assert _printed(capsys, "template", "store", "describe", code=1) == (
        "\nNeed to specify one of the store templates, check available ones by running the command:\n\n"
        "faas-cli template store list\n\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05.120Z", "2026-01-02 03:04:05.12 +0000 UTC"),
        ("2026-01-02T03:04:05+00:00", "2026-01-02 03:04:05 +0000 UTC"),
        (go_json.NO_TIME, "0001-01-01 00:00:00 +0000 UTC"),
    ],
)
def test_list_verbose_prints_times_as_go_does(text: str, expected: str) -> None:
    assert go_json.time_string(text) == expected
