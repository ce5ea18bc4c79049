"""Headers and URLs are UTF-8 all the way, as browsers and curl send them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from labs import deploy

from labkit import Lab
from labkit.errors import InvalidValueError


def _raw(url: str, request: str) -> tuple[str, str]:
    """Send a request as it is, in UTF-8; return the status line and the body."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80), 10) as connection:
        head = f"{request}\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        data = b""
        while part := connection.recv(65536):
            data += part
    status, _, rest = data.partition(b"\r\n")
    return status.decode(), rest.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def env(lab: Lab) -> str:
    deploy(lab, "env-utf8", "env")
    return "env-utf8"


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /function/{}?name=José HTTP/1.1", "Http_Query=name=Jos%C3%A9\n"),
        ("GET /function/{}/é/x?n=é HTTP/1.1", "Http_Path=/é/x\n"),
        ("GET /function/{}?name=日本 HTTP/1.1", "Http_Query=name=%E6%97%A5%E6%9C%AC\n"),
        ("GET /function/{} HTTP/1.1\r\nX-Name: José 日本", "Http_X_Name=José 日本\n"),
    ],
)
def test_a_synchronous_call_with_utf_8(lab: Lab, env: str, request_line: str, expected: str) -> None:
    status, body = _raw(lab.gateway_url, request_line.format(env))

    assert status == "HTTP/1.1 200 OK"
    assert expected in body


def test_an_asynchronous_call_and_its_callback_with_utf_8(lab: Lab, env: str) -> None:
    requests = lab.bin("utf8")
    head = f"POST /async-function/{env}?name=José HTTP/1.1\r\nX-Name: José\r\nContent-Length: 0"

    status, _ = _raw(lab.gateway_url, f"{head}\r\nX-Callback-Url: {requests.url}/é?n=é日")
    callback = requests.wait()

    assert status == "HTTP/1.1 202 Accepted"
    assert "Http_X_Name=José\n" in callback.text
    assert "Http_Query=name=Jos%C3%A9\n" in callback.text
    assert callback.path == "/r/utf8/%C3%A9"
    call = lab.call(callback.call_id).wait()
    # What is shown of the URL is what the caller wrote.
    assert [sent.url for sent in call.callbacks] == [f"{requests.url}/é?n=é日"]
    assert any(f"{requests.url}/é?n=é日" in line for line in lab.logs("queue-worker").splitlines())


def test_the_lab_s_own_callback_argument_with_utf_8(lab: Lab, env: str) -> None:
    requests = lab.bin("utf8-own")

    call = lab.invoke_async(env, callback=f"{requests.url}/é?n=é", headers={"X-Name": "José"})
    callback = requests.wait(call_id=call.id)

    assert callback.path == "/r/utf8-own/%C3%A9"
    assert "Http_X_Name=José\n" in callback.text


def test_the_inspector_shows_utf_8(lab: Lab) -> None:
    requests = lab.bin("utf8-shown")

    status, _ = _raw(requests.url, "GET /r/utf8-shown/é?n=José HTTP/1.1\r\nX-Name: José")
    [seen] = requests.requests()

    assert status.startswith("HTTP/1.1 200")
    assert seen.path == "/r/utf8-shown/%C3%A9"
    assert seen.header("X-Name") == "José"


def test_a_name_that_no_bin_can_have_is_named_with_what_is_expected(lab: Lab) -> None:
    with pytest.raises(InvalidValueError) as caught:
        lab.bin("回调")

    assert caught.value.headline == "no bin can have this name"
    assert caught.value.expected.startswith("1 to 64 letters, digits")
    assert caught.value.seen == r"'\u56de\u8c03'"


LOCALES: dict[str, dict[str, str]] = {
    "UTF-8": {"LC_ALL": "C.UTF-8"},
    "C": {"LC_ALL": "C"},
    "C, strictly": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
}
STACK = """\
version: 1.0
provider:
  name: openfaas
functions:
  locale:
    lang: dockerfile
    handler: ./函数
    image: me/locale:latest
    environment:
      NAME: José 日本
"""


def _in(locale: Mapping[str, str], folder: Path, lab: Lab, command: str) -> str:
    """Return the output of a shell command; it must succeed."""
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LABKIT_FAAS_CLI": "builtin",
        "LABKIT_WORKSPACE": str(lab.workspace),
        "OPENFAAS_URL": lab.gateway_url,
        **locale,
    }
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, cwd=folder, env=variables, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_the_programs_take_and_write_utf_8_in_every_locale(
    lab: Lab, env: str, locale: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "工作 é"
    (folder / "函数").mkdir(parents=True)
    (folder / "栈.yml").write_text(STACK, encoding="utf-8")
    dockerfile = 'FROM alpine\nCOPY héllo.sh .\nENV fprocess="sh héllo.sh"\n'
    (folder / "函数/Dockerfile").write_text(dockerfile, encoding="utf-8")
    script = "echo größer 日本: $NAME\necho Fehler: größer >&2\n"
    (folder / "函数/héllo.sh").write_text(script, encoding="utf-8")

    _in(locale, folder, lab, "faas-cli up -f 栈.yml")
    answer = _in(locale, folder, lab, "echo | faas-cli invoke locale")
    query = _in(locale, folder, lab, f"echo | faas-cli invoke {env} --query 'n=José' -H 'X-N: José 日'")
    described = _in(locale, folder, lab, "faas-cli describe locale")
    logs = _in(locale, folder, lab, "faas-cli logs locale --tail=false")

    assert answer == "größer 日本: José 日本\nFehler: größer\n"
    assert "Http_Query=n=Jos%C3%A9\n" in query
    assert "Http_X_N=José 日\n" in query
    assert "NAME: José 日本\n" in described
    assert "Forking fprocess." in logs
    lab.invoke_async(env, callback=f"{lab.bin('locale').url}/é").wait()
    for command in ("labkit logs queue-worker", "kubectl logs deploy/queue-worker -n openfaas"):
        assert "/r/locale/é" in _in(locale, folder, lab, command)
