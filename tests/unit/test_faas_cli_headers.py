"""``faas-cli invoke``'s headers, query and signature."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli import main
from labkit.openfaas_cli.faas_cli.verbs.invoke import parse_header, parse_query
from labkit.openfaas_cli.pflag import UsageError

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
URL = "http://gateway:8080/function/notify?a=b"


@pytest.mark.parametrize(
    ("text", "name", "value", "form"),
    [
        ("K: V", "K", "V", ":"),
        ("K:V", "K", "V", ":"),
        ("K : V", "K", "V", ":"),
        ("K=V", "K", "V", "="),
        ("K = V", "K", "V", "="),
        ("K=a=b", "K", "a=b", "="),
        ("K: a:b", "K", "a:b", ":"),
        ("content-type: text/plain", "Content-Type", "text/plain", ":"),
        ("x-CALL-id: 1", "X-Call-Id", "1", ":"),
        (f"X-Callback-Url: {URL}", "X-Callback-Url", URL, ":"),
        (f"X-Callback-Url={URL}", "X-Callback-Url", URL, "="),
        (f"X-Callback-Url {URL}", "X-Callback-Url", URL, " "),
        (
            "X-Callback-Url http://requestbin.com/r/1i7i1we1",
            "X-Callback-Url",
            "http://requestbin.com/r/1i7i1we1",
            " ",
        ),
        ("X-Foo bar", "X-Foo", "bar", " "),
        ("K: ü", "K", "ü", ":"),
    ],
)
@pytest.mark.row("4.5 header forms")
def test_every_header_form_in_use_is_parsed(text: str, name: str, value: str, form: str) -> None:
    assert parse_header(text) == (name, value, form)


FORM = "the --header or -H flag must take the form of 'Key: Value'"
SIGNING = "Signing requires both --sign <header-value> and --key <key-value>\n"
FORMS = f"{FORM} or 'key=value'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORMS),
        ("K", FORMS),
        ("K ", FORMS),
        ("K:", f"{FORM} (empty value given)"),
        ("K: ", f"{FORM} (empty value given)"),
        (": V", f"{FORM} (empty key given)"),
        (" :V", f"{FORM} (empty key given)"),
        (":", f"{FORM} (empty key given)"),
        ("K=", f"{FORMS} (empty value given)"),
        ("=V", f"{FORMS} (empty key given)"),
        ("=", f"{FORMS} (empty key given)"),
    ],
)
@pytest.mark.row("4.5 header forms")
def test_an_incomplete_header_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse_header(text)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("K/L: V", "K/L", "V"),
        ("A=b:c", "A=b", "c"),
        ("X Y: V", "X Y", "V"),
        ("x-ä: V", "x-ä", "V"),
        ("K/L=V", "K/L", "V"),
        ("http://h", "Http", "//h"),
    ],
)
def test_a_header_with_an_invalid_name_is_left_to_the_client(text: str, name: str, value: str) -> None:
    assert parse_header(text)[:2] == (name, value)


def test_query_pairs_are_sorted_by_name_only() -> None:
    assert parse_query(["b=2", "a=3", "a=1=x"]) == [("a", "3"), ("a", "1=x"), ("b", "2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "the --query flag must take the form of key=value"),
        ("", "the --query flag must take the form of key=value"),
        ("=b", "the --header or -H flag must take the form of key=value (empty key given)"),
        ("a=", "the --header or -H flag must take the form of key=value (empty value given)"),
    ],
)
def test_a_query_that_is_not_a_pair_is_refused_in_the_words_of_the_real_one(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse_query([text])


# -- what is sent; measured with Go's net/http client against a socket


Invoke = Callable[..., tuple[int, str]]


class Recorder:
    """A socket in place of a gateway; it answers each request and keeps its bytes."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.requests: list[bytes] = []

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                data = b""
                while not self._is_complete(data):
                    data += connection.recv(65536)
                self.requests.append(data)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    @staticmethod
    def _is_complete(data: bytes) -> bool:
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        return bool(end) and len(body) >= (int(length[1]) if length else 0)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    listener = socket.create_server(("127.0.0.1", 0))
    recorder = Recorder(listener)
    thread = threading.Thread(target=recorder.serve, args=(listener,))
    thread.start()
    yield recorder
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


@pytest.fixture
def invoke(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
) -> Invoke:
    """Return a function that runs ``faas-cli invoke`` with the body ``body``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_FAAS_CLI", "builtin")
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path))
    (tmp_path / "input").write_bytes(b"body")

    def invoke(*words: str) -> tuple[int, str]:
        with (tmp_path / "input").open() as source:
            monkeypatch.setattr("sys.stdin", source)
            code = main(["invoke", "-g", recorder.url, *words])
        return code, capfdbinary.readouterr().out.decode()

    return invoke


AGENT = f"faas-cli/0.18.12 (openfaas; linux; {MACHINE})"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], ["Content-Type: text/plain", "Accept-Encoding: gzip"]),
        *(
            ([ignored], ["Content-Type: text/plain", "Accept-Encoding: gzip"])
            for ignored in (
                *("Content-Length: 3", "content-length: abc", "Host: other", "Transfer-Encoding: chunked"),
                *("User-Agent: me", "Trailer: X"),
            )
        ),
        (["Connection: close"], ["Connection: close", "Content-Type: text/plain", "Accept-Encoding: gzip"]),
        (["Keep-Alive: 5"], ["Content-Type: text/plain", "Keep-Alive: 5", "Accept-Encoding: gzip"]),
        (
            ["Expect: 100-continue"],
            ["Content-Type: text/plain", "Expect: 100-continue", "Accept-Encoding: gzip"],
        ),
        (["te: trailers"], ["Content-Type: text/plain", "Te: trailers", "Accept-Encoding: gzip"]),
        (["Accept-Encoding: br"], ["Accept-Encoding: br", "Content-Type: text/plain"]),
        (["Range: bytes=0-1"], ["Content-Type: text/plain", "Range: bytes=0-1"]),
        (
            ["X-A: 2", "X-A: 1", "x-a: 3"],
            ["Content-Type: text/plain", "X-A: 2", "X-A: 1", "X-A: 3", "Accept-Encoding: gzip"],
        ),
        (
            ["a_b: 1", "A.B: 2", "x-call-ID: 3"],
            ["A.b: 2", "A_b: 1", "Content-Type: text/plain", "X-Call-Id: 3", "Accept-Encoding: gzip"],
        ),
        (
            ["Content-Type: a/b", "content-type: c/d"],
            ["Content-Type: a/b", "Content-Type: c/d", "Accept-Encoding: gzip"],
        ),
        (["X-A: a\tb"], ["Content-Type: text/plain", "X-A: a\tb", "Accept-Encoding: gzip"]),
        (["X-A: ä"], ["Content-Type: text/plain", "X-A: ä", "Accept-Encoding: gzip"]),
        (
            ["Authorization: Basic x"],
            ["Authorization: Basic x", "Content-Type: text/plain", "Accept-Encoding: gzip"],
        ),
    ],
)
def test_headers_are_sent_as_by_go(
    recorder: Recorder, invoke: Invoke, given: list[str], sent: list[str]
) -> None:
    assert invoke("f", *(word for header in given for word in ("-H", header))) == (0, "ok")

    own = [f"Host: {recorder.url[7:]}", f"User-Agent: {AGENT}", "Content-Length: 4"]
    head = "\r\n".join(["POST /function/f.openfaas-fn HTTP/1.1", *own, *sent])
    assert recorder.requests == [f"{head}\r\n\r\nbody".encode()]


def test_content_type_overrides_the_headers_of_its_name(recorder: Recorder, invoke: Invoke) -> None:
    words = ("--content-type", "c/d", "-H", "Content-Type: a/b", "-H", "Content-Type: e/f")

    assert invoke("f", *words) == (0, "ok")

    assert re.findall(rb"Content-Type: (.*)\r\n", recorder.requests[0]) == [b"c/d"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("X Y: 1", 'invalid header field name "X Y"'),
        ("K/L: 1", 'invalid header field name "K/L"'),
        ("X-Ä: 1", 'invalid header field name "X-Ä"'),
        ("A=b:c", 'invalid header field name "A=b"'),
        ('X": 1', 'invalid header field name "X\\""'),
        ("x-a: a\nEvil: b", 'invalid header field value for "X-A"'),
        ("X-A: a\r\nEvil: b", 'invalid header field value for "X-A"'),
        ("X-A: a\x01b", 'invalid header field value for "X-A"'),
        ("X-A: a\x7fb", 'invalid header field value for "X-A"'),
    ],
)
def test_an_invalid_header_is_never_sent(
    recorder: Recorder, invoke: Invoke, header: str, problem: str
) -> None:
    code, printed = invoke("f", "-H", header)

    url = f"{recorder.url}/function/f.openfaas-fn"
    assert code == 1
    assert printed.startswith(f'Failed to invoke function: Post "{url}": net/http: {problem}\n')
    assert printed.endswith("next:     correct this header\n")
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("f#x", "f%23x"),
        ("f?a=b", "f%3Fa=b"),
        ("f/x", "f/x"),
        ("../system/functions", "../system/functions"),
        ("f%20x", "f%2520x"),
        ("f%2Fx", "f%252Fx"),
        ("f x", "f%20x"),
        ("ü", "%C3%BC"),
        ("", ""),
        ("..", ".."),
        ("/f", "/f"),
        ("f.dev", "f.dev"),
        ("!*'()", "%21%2A%27%28%29"),
    ],
)
def test_a_name_with_special_characters_is_a_name_and_nothing_else(
    recorder: Recorder, invoke: Invoke, name: str, path: str
) -> None:
    assert invoke(name) == (0, "ok")
    assert invoke(name, "-a", "-n", "d#v", "--query", "a=x y") == (0, "ok")

    lines = [request.partition(b"\r\n")[0].decode() for request in recorder.requests]
    assert lines == [
        f"POST /function/{path}.openfaas-fn HTTP/1.1",
        f"POST /async-function/{path}.d%23v?a=x+y HTTP/1.1",
    ]


@pytest.mark.parametrize(
    ("words", "first_line", "length"),
    [
        (["f", "-m", "GET"], "GET /function/f.openfaas-fn HTTP/1.1", b"Content-Length: 4"),
        (["--", "-f"], "POST /function/-f.openfaas-fn HTTP/1.1", b"Content-Length: 4"),
        (["f", "ignored"], "POST /function/f.openfaas-fn HTTP/1.1", b"Content-Length: 4"),
        (["f", "--name", "other"], "POST /function/f.openfaas-fn HTTP/1.1", b"Content-Length: 4"),
    ],
)
def test_other_words_and_methods(
    recorder: Recorder,
    invoke: Invoke,
    words: list[str],
    first_line: str,
    length: bytes,
) -> None:
    assert invoke(*words) == (0, "ok")

    assert recorder.requests[0].startswith(first_line.encode())
    assert length in recorder.requests[0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-m", "TRACE"], "Please provide a name for the function\n"),
        (
            ["f", "--sign", "X", "-m", "TRACE"],
            SIGNING,
        ),
        (
            ["f", "--key", "k", "-H", "bad"],
            SIGNING,
        ),
        (["f", "-H", "bad", "--query", "bad"], f"T{FORMS[1:]}\n"),
    ],
)
def test_the_first_of_several_errors_is_that_of_the_real_one(
    recorder: Recorder, invoke: Invoke, words: list[str], expected: str
) -> None:
    assert invoke(*words) == (1, expected)
    assert recorder.requests == []


@pytest.mark.parametrize("method", ["TRACE", "get", "HEAD", ""])
def test_an_unknown_method_sends_and_prints_nothing(recorder: Recorder, invoke: Invoke, method: str) -> None:
    assert invoke("f", "-m", method, "-H", "bad") == (0, "")
    assert recorder.requests == []
