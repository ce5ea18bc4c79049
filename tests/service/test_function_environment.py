"""A function's environment reaches the function, and only the function."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually
from gateways import client, deploy
from labs import start_lab
from watchdogs import DEADLINE

from labkit import Lab

SETTINGS_OF_THE_LAB = {"PATH", "HOME", "HOSTNAME", "TMPDIR", "LABKIT_PYTHON"}


@pytest.fixture
def harmful(tmp_path: Path) -> dict[str, str]:
    """Variables with which no Python starts, or every Python is different."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for module in ("json", "asyncio", "sitecustomize", "labkit_services"):
        (folder / f"{module}.py").write_text("import os; os._exit(86)\n")
    return {
        "PYTHONPATH": str(folder),
        "PYTHONHOME": "/nonexistent",
        "PYTHONSTARTUP": str(folder / "json.py"),
        "PYTHONMALLOC": "nonsense",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONCOERCECLOCALE": "warn",
        "LD_LIBRARY_PATH": str(folder),
        "TZ": "Asia/Tokyo",
        "LANG": "no_SUCH.locale",
    }


@pytest.fixture(params=["1", "0"], ids=["forked", "spawned"])
def own(request: pytest.FixtureRequest, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with a fork server if there can be one, and one without."""
    monkeypatch.setenv("LABKIT_FORK_SERVER", request.param)
    with start_lab(workspace) as lab:
        yield lab


def watchdogs(lab: Lab) -> Iterator[psutil.Process]:
    for process in psutil.Process(lab.aio.state.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has exited in the meantime
            if "labkit_services.watchdog" in process.cmdline():
                yield process


def variables(text: str) -> dict[str, str]:
    """Return what ``env`` printed, without the variables of the request."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, _, value in pairs if not name.startswith("Http_")}


def forking_line(http: httpx.Client) -> str | None:
    """Return the watchdog's log line of a call."""
    log = http.get("/system/logs", params={"name": "harmful"}).text
    texts = (json.loads(message)["text"] for message in log.splitlines())
    return next((text for text in texts if "Forking fprocess." in text), None)


def test_a_function_sees_exactly_its_environment_and_its_watchdog_is_unharmed(
    own: Lab, harmful: Mapping[str, str]
) -> None:
    with client(own) as http:
        deploy(http, "plain", "env")
        deploy(http, "harmful", "env", envVars=harmful)
        plain = variables(http.post("/function/plain").text)
        seen = variables(http.post("/function/harmful").text)

        assert {name: seen[name] for name in seen.keys() - plain.keys()} == harmful
        assert seen.keys() >= plain.keys()
        assert {name for name in plain if name.isupper()} == SETTINGS_OF_THE_LAB
        line = eventually(lambda: forking_line(http), within=5)
    for process in watchdogs(own):
        own_variables = process.environ()
        assert not {name for name, value in harmful.items() if own_variables.get(name) == value}
    # The function's TZ must not reach a forked watchdog's memory either.
    logged_at = time.mktime(time.strptime(line[:19], "%Y/%m/%d %H:%M:%S"))
    assert abs(time.time() - logged_at) < 60


def test_settings_in_an_inherited_file_replace_the_process_s_environment(
    tmp_path: Path, harmful: Mapping[str, str]
) -> None:
    settings = {
        "fprocess": "env",
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "lifeline": "stdin",
        "port": "0",
        "metrics_port": "0",
        **harmful,
    }
    mark = {name: value for name, value in os.environ.items() if name == "LABKIT_TEST_RUN"}
    with tempfile.TemporaryFile("w") as file:
        json.dump(settings, file)
        file.flush()
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit_services.watchdog", str(file.fileno())],
            env={"PATH": "/nonexistent", "fprocess": "cat", "OWN": "1", **mark},
            pass_fds=(file.fileno(),),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with urllib.request.urlopen(url, data=b"", timeout=DEADLINE) as response:
                seen = variables(response.read().decode())
            process.kill()

    assert seen == {
        name: value for name, value in settings.items() if name not in ("lifeline", "metrics_port")
    }
