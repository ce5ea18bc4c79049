"""Requests in other forms: snippets that really run, HAR, CSV, masks."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import zlib
from dataclasses import replace
from typing import Any

import pytest
from received_requests import callback, received_request

from labkit_services.inspector.formats.decoding import VIEW_BYTES, decode_body
from labkit_services.inspector.formats.har import har_entry, har_head, read_har
from labkit_services.inspector.formats.imports import ImportRefusedError
from labkit_services.inspector.formats.json_lines import json_line, read_json_lines
from labkit_services.inspector.formats.secrets import MASK, is_secret, masked
from labkit_services.inspector.formats.snippets import SNIPPETS, curl, python
from labkit_services.inspector.formats.table import COLUMNS, csv_line, csv_row
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse

HOSTILE = [
    "it's",
    "$(touch /tmp/x)",
    "`id`",
    "a\nb",
    "-d",
    "@/etc/passwd",
    "汉字",
    '"',
    "\\",
    "\u202e",
    "<script>",
]


def record(response: SentResponse | None = None, **fields: Any) -> RequestRecord:
    fields.setdefault("headers", (("Host", "127.0.0.1:8090"),))
    return RequestRecord(
        "01J0000000000000000000000A", "bin", 1, received_request(**fields), response=response
    )


def answered(status: int = 200, body: bytes = b"ok", *headers: tuple[str, str]) -> SentResponse:
    return SentResponse(
        status,
        headers,
        body,
        rule="default",
        overridden_by=None,
        delay=0.0,
        started=0.01,
        ended=0.02,
        held=0.0,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_curl_line_passes_any_text_to_curl_and_runs_nothing_else(text: str) -> None:
    body, header = text.encode(), text.encode().decode("latin-1").replace("\n", "")
    line = curl(record(body=body, headers=(("Host", "h"), ("X-Text", header))))

    # The shell itself shows which words curl would get.
    words = subprocess.run(
        ["sh", "-c", line.replace("curl ", "printf '%s\\0' curl ", 1)], capture_output=True, check=True
    ).stdout.split(b"\0")

    assert words[:2] == [b"curl", b"http://h/r/bin"]
    assert words[words.index(b"--data-raw") + 1] == body
    assert f"X-Text: {text}".replace("\n", "").encode() in words


def test_a_curl_line_leaves_out_what_curl_adds_of_itself() -> None:
    line = curl(record(body=b"x"))

    assert "-H 'User-Agent:'" in line
    assert "-H 'Accept:'" in line
    assert "-H 'Content-Type:'" in line
    assert "-X" not in line  # --data makes it a POST


@pytest.mark.parametrize(
    ("method", "body", "word"),
    [("GET", b"", "curl http"), ("GET", b"x", "-X GET"), ("PUT", b"", "-X PUT"), ("HEAD", b"", "--head")],
)
def test_a_curl_line_has_the_method(method: str, body: bytes, word: str) -> None:
    assert word in curl(record(method=method, body=body))


def test_a_binary_body_is_piped_into_curl() -> None:
    line = curl(record(body=b"\0\xff"))
    shown = line.replace("curl http", "cat; : http", 1)
    assert subprocess.run(["sh", "-c", shown], capture_output=True, check=True).stdout == b"\0\xff"


def test_a_cut_body_is_mentioned_in_each_snippet() -> None:
    cut = record(body=b"abc", size=10)
    assert all("3 of 10 bytes" in SNIPPETS[name](cut) for name in ("curl", "python", "httpie"))


@pytest.mark.parametrize("body", [text.encode() for text in HOSTILE] + [b"\0\xff", b""])
def test_a_python_cell_is_valid_and_sends_exactly_the_body(body: bytes) -> None:
    sent: dict[str, Any] = {}
    cell = python(record(body=body, headers=(("Host", "h"), ("X", "\xe9"), ("X", "y"))))

    class Httpx:
        @staticmethod
        def request(method: str, url: str, **more: Any) -> Any:
            sent.update(more, method=method, url=url)
            return type("Response", (), {"status_code": 200, "text": ""})

    exec(compile(cell.replace("import httpx", ""), "cell", "exec"), {"httpx": Httpx})

    content = sent.get("content", b"")
    assert (content.encode() if isinstance(content, str) else content) == body
    assert (sent["method"], sent["url"]) == ("POST", "http://h/r/bin")
    assert sent["headers"] == [("X", b"\xe9"), ("X", "y")]


def test_har_has_all_that_its_format_requires_and_can_be_read_again() -> None:
    log = har_head()
    headers = (("Host", "h:1"), ("Content-Type", "application/json"), ("X", "1"), ("X", "2"))
    original = record(
        answered(503, b"\xff", ("Retry-After", "1")),
        headers=headers,
        body=b'{"a":1}',
        query="n=1",
        target="/r/bin?n=1",
    )
    log["entries"].append(har_entry(original))
    entry = json.loads(json.dumps({"log": log}))["log"]["entries"][0]

    required = {"startedDateTime", "time", "request", "response", "cache", "timings"}
    assert required <= entry.keys()
    assert entry["timings"]["send"] + entry["timings"]["wait"] + entry["timings"]["receive"] == entry["time"]
    assert entry["request"]["queryString"] == [{"name": "n", "value": "1"}]
    [again] = read_har({"log": log})
    assert again.request.headers == original.request.headers
    assert (again.request.body, again.request.target) == (b'{"a":1}', "/r/bin?n=1")
    assert again.response is not None
    assert (again.response.status, again.response.body) == (503, b"\xff")
    assert abs(again.request.received_ns - original.request.received_ns) < 1000


def test_har_of_a_callback_has_the_openfaas_part_and_an_open_exchange_status_0() -> None:
    entry = har_entry(RequestRecord("1", "bin", 1, callback("c1", "figlet", 500)))
    assert entry["_openfaas"]["function_status"] == 500
    assert entry["response"]["status"] == 0


def test_json_lines_can_be_read_again_byte_for_byte() -> None:
    original = record(answered(204, b""), body=b"\0\xffx", headers=(("Host", "h"), ("X", "\xc3\xa9")))
    text = json_line(original) + "\n" + json_line(record())

    first, second = read_json_lines(text.encode())

    assert (first.request.body, first.request.headers) == (original.request.body, original.request.headers)
    assert first.response is not None
    assert first.response.status == 204
    assert second.response is None


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET x"},
        {"method": None},
        {"url": 3},
        {"received_at": "yesterday"},
        {"received_at": "2999-01-01T00:00:00Z"},
        {"headers": [["A"]]},
        {"headers": [["A B", "x"]]},
        {"headers": [["A", "x\r\nB: y"]]},
        {"body_base64": "%%%"},
        {"body_base64": 7},
        {"response": {"status": 42, "headers": [], "body_base64": ""}},
    ],
)
def test_a_wrong_field_of_a_file_is_refused_and_named(change: dict[str, Any]) -> None:
    document = json.loads(json_line(record())) | change
    with pytest.raises(ImportRefusedError) as refused:
        list(read_json_lines(b"\n" + json.dumps(document).encode()))
    assert "line 2" in str(refused.value)


@pytest.mark.parametrize(
    "document", [{}, {"log": 1}, {"log": {"entries": [1]}}, {"log": {"entries": [{}]}}, [], None]
)
def test_what_is_no_archive_is_refused(document: Any) -> None:
    with pytest.raises(ImportRefusedError):
        read_har(document)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_of_a_table_is_a_formula(cell: str) -> None:
    [[shown]] = csv.reader(io.StringIO(csv_line((cell,)), newline=""))
    assert shown == "'" + cell


def test_a_table_has_a_cell_for_each_column() -> None:
    row = next(csv.reader(io.StringIO(csv_row(record(answered(), body=b'a,"b"\nc')), newline="")))
    cells = dict(zip(COLUMNS, row, strict=True))
    assert (cells["method"], cells["response_status"], cells["body"]) == ("POST", "200", 'a,"b"\nc')


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "X-Api-Key",
            "api_key",
            "X-Auth-Token",
        ),
        *(
            "access_token",
            "password",
            "client_secret",
            "X-Hub-Signature-256",
            "X-Amz-Security-Token",
            "session_id",
        ),
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["Host", "X-Call-Id", "Content-Type", "author", "keyboard", "tokenizer", "Accept"]
)
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_secrets_are_masked_in_headers_query_user_info_form_and_response() -> None:
    secret = "s3cr3t"
    original = record(
        answered(200, b"", ("Set-Cookie", f"id={secret}")),
        target=f"/r/bin?token={secret}&n=1",
        query=f"token={secret}&n=1",
        headers=(
            ("Host", "h"),
            ("Authorization", f"Bearer {secret}"),
            ("Referer", f"http://u:{secret}@h/"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ),
        body=f"password={secret}&b=2".encode(),
    )

    safe = masked(original)

    everything = json_line(safe) + json.dumps(har_entry(safe)) + csv_row(safe)
    everything += "".join(snippet(safe) for snippet in SNIPPETS.values())
    assert secret not in everything
    assert f"Bearer {MASK}" in curl(safe)
    assert f"token={MASK}&n=1" in curl(safe)
    assert safe.request.body == b"password=***&b=2"
    assert masked(replace(original, request=received_request())).request == received_request()


def test_gzip_deflate_and_several_encodings_are_decoded_for_viewing() -> None:
    text = "héllo".encode()
    raw = zlib.compressobj(wbits=-15)
    for body, encoding in (
        (gzip.compress(text), "gzip"),
        (gzip.compress(text[:3]) + gzip.compress(text[3:]), "x-gzip"),
        (zlib.compress(text), "deflate"),
        (raw.compress(text) + raw.flush(), "deflate"),
        (gzip.compress(zlib.compress(text)), "deflate, gzip"),
        (text, "identity"),
    ):
        decoded = decode_body(body, (("Content-Encoding", encoding),))
        assert (decoded.text, decoded.notes) == ("héllo", ()), encoding


def test_a_compressed_bomb_is_decompressed_only_in_part() -> None:
    bomb = gzip.compress(bytes(64 * VIEW_BYTES))
    decoded = decode_body(gzip.compress(bomb), (("Content-Encoding", "gzip, gzip"),))
    assert decoded.size == VIEW_BYTES
    assert any("first" in note for note in decoded.notes)


@pytest.mark.parametrize(
    ("body", "encoding", "note"),
    [
        (b"plain", "gzip", "not valid gzip"),
        (b"x", "br", "not decoded"),
        (b"x", ",".join(["gzip"] * 9), "9 content encodings"),
    ],
)
def test_what_is_not_decoded_is_said(body: bytes, encoding: str, note: str) -> None:
    decoded = decode_body(body, (("Content-Encoding", encoding),))
    assert note in decoded.notes[0]
    assert decoded.text == body.decode()


def test_a_cut_gzip_body_shows_its_beginning() -> None:
    whole = gzip.compress(json.dumps(list(range(5000))).encode())
    decoded = decode_body(whole[:2000], (("Content-Encoding", "gzip"),), truncated=True)
    assert decoded.text is not None
    assert decoded.text.startswith("[0, 1, 2")
    assert "its end is missing" in decoded.notes[0]


@pytest.mark.parametrize(
    ("body", "content_type", "text", "charset"),
    [
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é", "iso-8859-1"),
        ("汉".encode("gb18030"), 'text/html; charset="gb18030"', "汉", "gb18030"),
        ("é".encode("utf-16"), "text/plain", "é", "utf-16"),
        (b"\xef\xbb\xbfx", "", "x", "utf-8"),
        (b"x", "text/plain; charset=rot13", "x", "utf-8"),
        (b"x", "text/plain; charset=zip", "x", "utf-8"),
        (b"\\x41", "text/plain; charset=unicode_escape", "\\x41", "utf-8"),
        (b"x", "text/plain; charset=no-such-thing", "x", "utf-8"),
        (b"\xff\xfe\xfd", "text/plain; charset=utf-8", None, ""),
        (b"\0\1\2", "text/plain", None, ""),
    ],
)
def test_the_character_set_of_a_body(body: bytes, content_type: str, text: str | None, charset: str) -> None:
    decoded = decode_body(body, (("Content-Type", content_type),))
    assert (decoded.text, decoded.charset) == (text, charset)
