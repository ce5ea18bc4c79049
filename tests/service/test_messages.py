"""No bare traceback: commands that meet something odd print a short error."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from labs import start_lab

from labkit.errors import LabGoneError
from labkit.lab.background_loop import background_loop

BIN = Path(sys.executable).parent
STACK = """\
version: 1.0
provider:
  name: openfaas
functions:
  fn:
    image: me/fn:latest
    skip_build: true
"""

ODD = {
    "nothing": b"",
    "null": b"null",
    "a string": b'"x"',
    "a number": b"1",
    "true": b"true",
    "a list": b"[]",
    "a list of nulls": b"[null]",
    "a list of numbers": b"[1, 2]",
    "a list of lists": b"[[]]",
    "an object": b"{}",
    "a list of empty objects": b"[{}]",
    "numbers in place of strings": b'[{"name": 1, "image": 2, "namespace": 3}]',
    "nulls in place of strings": b'[{"name": null, "image": null, "createdAt": null}]',
    "strings in place of numbers": b'[{"name": "fn", "replicas": "one", "invocationCount": "two"}]',
    "lists in place of maps": b'[{"name": "fn", "labels": [], "annotations": [1]}]',
    "an object of odd fields": b'{"name": 1, "version": [], "provider": "x", "functions": {}, "labels": 1}',
    "an object of nulls": b'{"name": null, "version": null, "provider": {"version": null}}',
    "an object of odd functions": b'{"functions": [1], "access_token": 1}',
    "a huge number": b'[{"name": "fn", "replicas": 1e999}]',
    "half a surrogate pair": b'[{"name": "\\ud800"}]',
    "truncated": b'[{"name": "fn", "ima',
    "HTML": b"<html><body>Welcome</body></html>",
    "no UTF-8": b'[{"name": "\xff"}]',
    "a byte order mark": b"\xef\xbb\xbf[]",
    "nested too deeply": b"[" * 100_000,
    "nested too deeply in a field": b'[{"name": ' + b'{"a":' * 50_000,
}

OK = b"HTTP/1.1 200 OK\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
BROKEN = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "binary": b"\0\xff\xfe\r\n\r\n",
    "HTTP/2": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\r\n\r\n",
    "half a status line": b"HTTP/1.1 2",
    "an odd status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "no final response": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a header without a colon": OK + b"x\r\n\r\n[]",
    "an endless header": OK + b"X: " + b"a" * 2_000_000,
    "too short a body": OK + b"Content-Length: 100\r\n\r\n[]",
    "a length that is no number": OK + b"Content-Length: x\r\n\r\n[]",
    "a huge length": OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n[]",
    "chunks of an odd size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]",
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[]",
    "no gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]",
    "a redirect to itself": MOVED + b"/system/functions\r\n\r\n",
    "a redirect to no URL": MOVED + b"http://[::1\r\n\r\n",
    "a redirect to a file": MOVED + b"file:///etc/passwd\r\n\r\n",
    "a redirect to a long name": MOVED + b"http://" + b"a" * 70 + b"/\r\n\r\n",
    "lines of a log that are no messages": OK + b'\r\n{"text": 1}\nnull\n[]\n{"timestamp": 1}\n{"name": {',
}
ODD_URLS = [
    *(
        "127.0.0.1",
        "https://127.0.0.1:1",
        "http://[::1]:1",
        "http://[::1",
        "http://::1",
        "http://",
        "http:///x",
    ),
    *("ftp://127.0.0.1", "http://127.0.0.1:x", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://a b"),
    *(
        "http://u:p@127.0.0.1:1/a/",
        "http://127.0.0.1:1?x#f",
        "http://%zz",
        "http://" + "a" * 300,
        "://x",
        "/",
    ),
    *(
        "http://é.invalid",
        "http://a..b",
        "http://.",
        "http://127.0.0.1:1\r\nX: y",
        "http://\udcff",
        "http://a\tb",
    ),
]

VERBS = [
    *("list", "list --json", "list --quiet", "list --verbose", "list --sort invocations"),
    *("describe fn", "describe fn --json", "describe fn --verbose", "ready fn --attempts 1"),
    *("ready --attempts 1", "version", "version --json", "logs fn --tail=false"),
    *("logs fn --tail=false --output json", "namespace list", "namespace list --json"),
    *("namespace get fn", "namespace create fn", "namespace update fn", "namespace delete fn"),
    *("namespaces", "secret list", "secret create a --from-literal b", "secret update a --from-literal b"),
    *("secret remove a", "diff", "deploy", "remove fn", "invoke fn", "invoke fn --async"),
    *("store list --url GW", "store inspect fn --url GW", "store deploy fn --url GW"),
    *("template store list --url GW", "template store describe python --url GW"),
    "login --password x",
]


@pytest.fixture(scope="module")
def odd_gateway() -> Iterator[tuple[str, list[bytes]]]:
    """Yield the URL of a server that answers 200, and what it answers."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body[0])))
            self.end_headers()
            self.wfile.write(body[0])

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    body = [b""]
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", body
        server.shutdown()


def _run(
    command: str, folder: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a shell command with the programs of this environment."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "LABKIT_FAAS_CLI": "builtin",
        "LABKIT_WORKSPACE": str(folder),
        "OPENFAAS_CONFIG": str(folder / "config"),
        **(variables or {}),
    }
    return subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=folder,
        env=environment,
        timeout=60,
        check=False,
    )


def _shows_no_fault(done: subprocess.CompletedProcess[str]) -> None:
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "labkit has a fault" not in said
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("name", ODD)
def test_a_gateway_that_answers_200_with_odd_json(
    name: str, tmp_path: Path, odd_gateway: tuple[str, list[bytes]]
) -> None:
    url, body = odd_gateway
    body[0] = ODD[name]

    _all_verbs_show_no_fault(tmp_path, url, url)


@pytest.mark.parametrize("name", BROKEN)
def test_a_gateway_whose_answer_is_no_http_or_broken(name: str, tmp_path: Path) -> None:
    with _answering(BROKEN[name]) as url:
        _all_verbs_show_no_fault(tmp_path, url, url)


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_address_of_the_gateway(url: str, tmp_path: Path) -> None:
    _all_verbs_show_no_fault(tmp_path, url, "http://127.0.0.1:1")


def _all_verbs_show_no_fault(folder: Path, gateway: str, store: str) -> None:
    (folder / "stack.yaml").write_text(STACK)
    # One process for all verbs: Python's start would take most of the time.
    script = "import sys\nfrom labkit.openfaas_cli.faas_cli import main\n"
    script += "for line in sys.stdin.read().splitlines():\n"
    script += "    sys.stdin = open('/dev/null')\n    print('##', line, flush=True)\n    main(line.split())\n"
    (folder / "verbs.py").write_text(script)
    (folder / "verbs").write_text("\n".join(VERBS).replace("GW", store))

    done = _run("python verbs.py < verbs", folder, {"OPENFAAS_URL": gateway})

    _shows_no_fault(done)
    assert done.stdout.count("## ") == len(VERBS)


@contextmanager
def _answering(answer: bytes) -> Iterator[str]:
    """Yield the URL of a server that answers each request so, and closes."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                continue
            with suppress(OSError):
                self.wfile.write(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    "command",
    [
        "faas-cli invoke cat <&-",
        "faas-cli invoke cat >&- </dev/null",
        "faas-cli invoke cat 2>&- </dev/null",
        "faas-cli invoke cat <&- >&- 2>&-",
        "faas-cli invoke cat < .",
        "faas-cli login --password-stdin <&-",
        "faas-cli login --password-stdin < .",
        "faas-cli help >/dev/full",
        "faas-cli help 2>/dev/full >/dev/full",
        "kubectl version <&-",
        "labkit status <&-",
        "labkit --help >/dev/full",
        "labkit status >&- 2>&-",
        "labkit status < .",
    ],
)
def test_a_standard_stream_that_is_closed_or_broken(command: str, tmp_path: Path) -> None:
    done = _run(command, tmp_path, {"OPENFAAS_URL": "http://127.0.0.1:1"})

    _shows_no_fault(done)


def test_invoke_without_standard_input_sends_an_empty_body(
    tmp_path: Path, odd_gateway: tuple[str, list[bytes]]
) -> None:
    url, body = odd_gateway
    body[0] = b"answer"

    done = _run("faas-cli invoke cat <&-", tmp_path, {"OPENFAAS_URL": url})

    # As Go's runtime, it opens /dev/null in place of a closed stream.
    assert (done.returncode, done.stdout) == (0, "answer")
    assert done.stderr == "Reading from STDIN - hit (Control + D) to stop.\n"


@pytest.mark.parametrize(
    "content", [b"\x7fELF broken", b"no script either\n", b"#!/no/such/interpreter\n", b""]
)
def test_a_faas_cli_on_path_that_cannot_be_executed(content: bytes, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "faas-cli"
    program.parent.mkdir()
    program.write_bytes(content)
    program.chmod(0o755)
    ours = shutil.which("faas-cli", path=str(BIN))

    done = _run(f"PATH={program.parent}:$PATH {ours} list", tmp_path, {"LABKIT_FAAS_CLI": ""})

    _shows_no_fault(done)
    assert done.returncode == 1
    assert f"{program} is the first faas-cli on PATH, and can't be executed" in done.stdout
    assert "export LABKIT_FAAS_CLI=builtin" in done.stdout


@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_a_run_is_measured_although_its_progress_cannot_be_shown(streams: str, tmp_path: Path) -> None:
    script = """
from labkit import Lab
lab = Lab.start()
lab.deploy("cat", fprocess="cat")
runs = [lab.measure("cat", calls=2), lab.measure("no-such-function", calls=1)]
lab.stop()
open("runs", "w").write(str(sum(len(run.calls) for run in runs)))
"""
    (tmp_path / "script.py").write_text(script)

    _run(f"python script.py {streams}", tmp_path)

    assert (tmp_path / "runs").read_text() == "3"


def test_a_current_folder_that_was_deleted_is_named(tmp_path: Path) -> None:
    script = "import os\nfrom labkit import Lab\nos.rmdir(os.getcwd())\nLab.start()\n"
    (tmp_path / "script.py").write_text(script)

    command = "mkdir gone; cd gone; unset LABKIT_WORKSPACE; python ../script.py"
    done = _run(command, tmp_path)

    assert "start(): the current folder does not exist any more\n" in done.stderr
    assert "labkit has a fault" not in done.stderr


def test_every_method_of_a_handle_that_was_stopped_says_so(tmp_path: Path) -> None:
    lab = start_lab(tmp_path)
    lab.deploy("cat", fprocess="cat")
    call, requests, queue = lab.invoke_async("cat", b"x"), lab.bin("b"), lab.queue()
    call.wait()
    lab.stop()

    for method in (
        *(lab.status, lab.functions, lab.calls, lab.faults, call.wait, call.result, call.cancel),
        *(requests.requests, requests.wait, requests.clear, queue.dead_letters, queue.cancel_calls),
        *(lambda: lab.invoke("cat"), lambda: lab.deploy("cat"), lambda: lab.measure("cat", progress=False)),
        *(lambda: queue.pending, lambda: lab.scale_workers(1), lambda: asyncio.run(lab.aio.calls())),
    ):
        with pytest.raises(LabGoneError) as caught:
            method()
        assert caught.value.seen == "this handle was stopped: lab.stop()"


def test_a_program_whose_python_is_gone_says_so(tmp_path: Path) -> None:
    program = shutil.copy(BIN / "labkit", tmp_path / "labkit")
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {Path(sys.base_prefix, "bin/python3")} "$@"\n')
    (tmp_path / "python").chmod(0o755)

    done = _run(f"{program} status", tmp_path)

    _shows_no_fault(done)
    assert done.returncode == 1
    assert done.stderr.startswith("labkit: No module named 'labkit'\n  seen:     ")


@pytest.mark.parametrize(
    ("limit", "seen", "next_step"),
    [
        ("ulimit -n 16", "Too many open files", "allow more open files, for example with: ulimit -n 1024"),
        ("ulimit -n 20", "Too many open files", "allow more open files, for example with: ulimit -n 1024"),
        ("ulimit -v 300000", "fatal error: failed to reserve page summary memory", "read the whole log"),
        ("ulimit -f 1", "File too large", "look at what is at that path"),
    ],
)
def test_a_start_beyond_the_system_s_limits_names_the_limit(
    limit: str, seen: str, next_step: str, tmp_path: Path
) -> None:
    done = _run(f"{limit}; labkit up", tmp_path)

    _shows_no_fault(done)
    assert done.returncode == 1
    assert seen in done.stderr
    assert next_step in done.stderr


def test_an_ordinary_run_logs_no_warning_from_start_to_stop(tmp_path: Path) -> None:
    lab = start_lab(tmp_path)
    lab.deploy("cat", fprocess="cat")
    requests = lab.bin("target")
    for _ in range(20):
        lab.invoke("cat", b"x")
        lab.invoke_async("cat", b"x", callback=requests.url)
    requests.wait_all(20)
    lab.scale_workers(2)
    lab.scale_workers(1)
    for replicas in (3, 0, 2):  # so quickly that some of them are still starting
        scaling = {"serviceName": "cat", "replicas": replicas}
        request = lab.aio.connections.gateway.request("POST", "/system/scale-function/cat", json=scaling)
        assert background_loop().run(request, 10).status_code == 202
    lab.remove("cat")
    lab.stop()

    for log in (tmp_path / ".labkit/logs").glob("*.log"):
        trouble = re.compile(r"\b(warning|warn|wrn|error|err|traceback)\b", re.IGNORECASE)
        assert not [line for line in log.read_text().splitlines() if trouble.search(line)], log.name


def test_a_callback_s_retry_is_not_logged_with_a_call_s_number(tmp_path: Path) -> None:
    lab = start_lab(tmp_path)
    lab.deploy("cat", fprocess="cat")
    requests = lab.bin("flaky-target")
    with requests.down():
        call = lab.invoke_async("cat", b"x", callback=requests.url)
        requests.wait_all(2, call_id=call.id)
    call.wait()
    lines = [line for line in lab.logs("queue-worker").splitlines() if "allback" in line]
    lab.stop()

    assert lines[0].startswith("[#1] Callback to: ")
    assert any(line.startswith("[#callback-1] Trying again: the callback of cat, call ") for line in lines)
    assert sum(line.startswith("[#1] Callback to: ") for line in lines) == 1
