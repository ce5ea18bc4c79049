"""What a function's log shows of much output, in every mode of the watchdog."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from eventually import eventually

from labkit import Lab

MODES = ("classic", "serializing", "streaming", "http")
LENGTH = 3_000_000
LINES = 20_000

WRITE = """
import os, sys
def write(data):
    while data:
        data = data[os.write(2, data):]
def one_line():
    write(b"x" * 3_000_000 + b"\\n")
def many_lines():
    write(b"".join(b"L %05d %s\\n" % (number, b"x" * 90) for number in range(20_000)))
work = globals()[sys.argv[1]]
"""
SERVE = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        work()
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["port"])), Handler).serve_forever()
"""


def call(lab: Lab, folder: Path, mode: str, work: str) -> list[str]:
    """Call a function that writes to its standard error; return its log."""
    script = folder / "function.py"
    script.write_text(WRITE + (SERVE if mode == "http" else "work()\n"))
    name = f"{work.replace('_', '-')}-{mode}"
    env = {"combine_output": "false"} if mode == "classic" else {"mode": mode, "upstream_port": "any"}
    lab.deploy(name, fprocess=f"{sys.executable} {shlex.quote(str(script))} {work}", env=env)
    try:
        assert lab.invoke(name).status == 200
        last = re.compile("Wrote|Took|POST / - 200")
        eventually(lambda: last.search(lab.logs(name)))
        return lab.logs(name, tail=100_000).splitlines()
    finally:
        lab.remove(name)


@pytest.mark.parametrize("mode", MODES)
def test_of_a_line_of_three_megabytes_the_beginning_is_shown_and_the_rest_counted(
    lab: Lab, tmp_path: Path, mode: str
) -> None:
    lines = [line for line in call(lab, tmp_path, mode, "one_line") if "xxx" in line or "dropped" in line]

    shown = sum(line.count("x") for line in lines)
    marks = re.findall(
        r"\[labkit: ([0-9,]+) more characters are not kept\]|([0-9]+) bytes dropped", "\n".join(lines)
    )
    left_out = sum(int((characters or dropped).replace(",", "")) for characters, dropped in marks)
    assert shown >= 8192
    assert shown + left_out == LENGTH


@pytest.mark.parametrize("mode", ["streaming", "http"])
def test_every_line_of_two_megabytes_is_shown_or_counted(lab: Lab, tmp_path: Path, mode: str) -> None:
    lines = call(lab, tmp_path, mode, "many_lines")

    shown = [line for line in lines if "L " in line]
    marks = re.findall(
        r"\[labkit: ([0-9,]+) (?:lines? lost here|older lines are not kept)\]", "\n".join(lines)
    )
    lost = sum(int(mark.replace(",", "")) for mark in marks)
    # The older lines are also the watchdog's own, about its start.
    assert LINES <= len(shown) + lost <= LINES + 10
