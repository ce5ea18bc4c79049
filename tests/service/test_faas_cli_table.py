"""faas-cli's documented invocations, one row each, with a running lab.

A row expects faas-cli 0.18.12's exit code and its standard output.
"""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from eventually import eventually
from faas_cli_rows.admin import NAMESPACES, SECRETS
from faas_cli_rows.build import BUILD, TAGS
from faas_cli_rows.common import COMMON
from faas_cli_rows.diff import DIFF
from faas_cli_rows.functions import FUNCTIONS
from faas_cli_rows.invoke import INVOKE
from faas_cli_rows.login import WITH_LOGIN, WITHOUT_LOGIN
from faas_cli_rows.new import NEW
from faas_cli_rows.others import OTHERS
from faas_cli_rows.row import Row
from terminals import Terminal

from labkit import Lab
from labkit.workspace import Workspace


def _named(row: Row) -> str:
    return row.name.replace(" ", "-")


def _fills(text: str) -> re.Pattern[str]:
    """Return a pattern for the output that a row expects."""
    escaped = re.escape(text)
    return re.compile(escaped.replace("…", r"[^\n]*").replace("⋮", r"(?s:.*)"))


class Table:
    """Runs rows in one terminal, each in a folder with its own names."""

    def __init__(self, terminal: Terminal, echo: str) -> None:
        self.terminal = terminal
        self.echo = echo

    def check(self, row: Row) -> None:
        """Run a row and compare its output."""
        name = f"fn-{uuid.uuid4().hex[:8]}"

        def fill(text: str) -> str:
            text = text.replace("FN", name).replace("ECHO", self.echo)
            return text.replace("GW", self.terminal.lab.gateway_url)

        folder = self.terminal.folder / name
        folder.mkdir()
        for file, text in row.files.items():
            path = folder / fill(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fill(text))
        plain = self.terminal.variables
        own = plain | {key: fill(value) for key, value in row.variables.items()}
        try:
            self._shell(fill(row.given), folder, plain)
            done = self._shell(f"faas-cli {fill(row.run)}", folder, own, fill(row.body), row.code)
        finally:
            self._shell(fill(row.after), folder, plain, code=None)
        # Rows ignore the colours of a build.
        for what, seen in ((row.prints, done.stdout), (row.error, done.stderr)):
            seen = re.sub(r"\x1b\[\d+m", "", seen)
            assert _fills(fill(what)).fullmatch(seen), f"expected:\n{fill(what)}\nseen:\n{seen}"
        for file, text in row.writes.items():
            seen = (folder / fill(file)).read_text()
            assert _fills(fill(text)).fullmatch(seen), f"{file}: expected:\n{fill(text)}\nseen:\n{seen}"

    def _shell(
        self,
        line: str,
        folder: Path,
        variables: Mapping[str, str],
        body: str = "",
        code: int | None = 0,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-c", line],
            input=body,
            capture_output=True,
            text=True,
            cwd=folder,
            env=dict(variables),
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code in (None, done.returncode), f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Table]:
    terminal = Terminal(tmp_path_factory.mktemp("table"), lab)
    # Rows use git, without the configuration of this machine.
    terminal.variables |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    echo = f"e-{uuid.uuid4().hex[:6]}"
    terminal.faas("deploy", "--image=functions/alpine:latest", "--name", echo)
    terminal.faas("ready", echo, "--interval", "50ms")
    yield Table(terminal, echo)
    terminal.faas("remove", echo)


@pytest.mark.row("4.1 stack file", "4.1 gateway", "4.1 errors")
@pytest.mark.row("4.2 new", "4.2 new twice and --append", "4.2 template")
@pytest.mark.row("4.3 build", "4.3 push", "4.3 up", "4.3 publish", "4.3 generate", "4.3 --tag")
@pytest.mark.row("4.4 deploy", "4.4 remove", "4.4 list", "4.4 describe", "4.4 logs", "4.4 store")
@pytest.mark.row("4.4 namespace", "4.4 secret")
@pytest.mark.row("4.5 invoke", "4.5 --async", "4.5 failures", "4.5 unsupported method", "4.5 header forms")
@pytest.mark.parametrize(
    "row",
    [*COMMON, *NEW, *BUILD, *TAGS, *FUNCTIONS, *NAMESPACES, *SECRETS, *INVOKE, *DIFF, *OTHERS],
    ids=_named,
)
def test_row(table: Table, row: Row) -> None:
    table.check(row)


# -- with basic authentication on, from a folder that has no lab


def _elsewhere(folder: Path, table: Table) -> Terminal:
    """Return a terminal that knows only the address of the lab's gateway."""
    terminal = Terminal(folder, table.terminal.lab)
    terminal.variables["LABKIT_WORKSPACE"] = str(terminal.folder)
    terminal.variables["OPENFAAS_URL"] = terminal.lab.gateway_url
    return terminal


def _log_in(terminal: Terminal) -> None:
    state = Workspace(terminal.lab.workspace).read_state()
    assert state is not None
    terminal.faas("login", "-u", state.user, "--password-stdin", body=state.password.encode())


@pytest.fixture(scope="module")
def logged_out(tmp_path_factory: pytest.TempPathFactory, table: Table) -> Table:
    return Table(_elsewhere(tmp_path_factory.mktemp("logged-out"), table), table.echo)


@pytest.fixture(scope="module")
def logged_in(tmp_path_factory: pytest.TempPathFactory, table: Table) -> Table:
    terminal = _elsewhere(tmp_path_factory.mktemp("logged-in"), table)
    _log_in(terminal)
    return Table(terminal, table.echo)


@pytest.mark.row("4.4 login")
@pytest.mark.parametrize("row", WITHOUT_LOGIN, ids=_named)
def test_without_a_saved_login(logged_out: Table, row: Row) -> None:
    logged_out.check(row)


@pytest.mark.row("4.4 login")
@pytest.mark.parametrize("row", WITH_LOGIN, ids=_named)
def test_with_a_saved_login(logged_in: Table, row: Row) -> None:
    logged_in.check(row)


@pytest.mark.row("4.5 invoke")
@pytest.mark.parametrize("who", ["logged_out", "logged_in"])
def test_invoke_prints_exactly_the_bytes_of_the_function(who: str, request: pytest.FixtureRequest) -> None:
    table: Table = request.getfixturevalue(who)
    body = bytes(range(256)) * 300

    done = table.terminal.run("faas-cli", "invoke", table.echo, body=body)

    assert (done.stdout, done.stderr) == (body, b"")


@pytest.mark.row("4.1 login store")
@pytest.mark.parametrize(
    ("variables", "place"),
    [({}, ".openfaas"), ({"CI": "true"}, ".openfaas"), ({"OPENFAAS_CONFIG": "other"}, "other")],
)
def test_a_login_is_saved_where_the_real_faas_cli_reads_it(
    tmp_path: Path, table: Table, variables: dict[str, str], place: str
) -> None:
    terminal = Terminal(tmp_path, table.terminal.lab)
    terminal.variables.pop("CI", None)
    terminal.variables |= {"OPENFAAS_URL": terminal.lab.gateway_url, **variables}

    _log_in(terminal)

    file = tmp_path / place / "config.yml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith(
        f"auths:\n- gateway: {terminal.lab.gateway_url}\n  auth: basic\n  token: "
    )


@pytest.mark.row("4.3 up")
def test_up_watch_repeats_when_a_file_changes(tmp_path: Path, table: Table) -> None:
    terminal = Terminal(tmp_path, table.terminal.lab)
    name = f"fn-{uuid.uuid4().hex[:8]}"
    terminal.faas("new", "--lang", "dockerfile", name, "--prefix=me")
    dockerfile = tmp_path / name / "Dockerfile"
    with subprocess.Popen(
        ["faas-cli", "up", "--watch"], stdout=subprocess.DEVNULL, env=terminal.variables, cwd=tmp_path
    ) as watching:
        try:
            eventually(lambda: name in terminal.faas("list", "-q"), within=20)
            dockerfile.write_text("no Dockerfile at all")
            dockerfile.write_text('FROM alpine\nENV fprocess="rev"\n')

            def runs_new_process() -> bool:
                done = subprocess.run(
                    ["faas-cli", "invoke", name],
                    input=b"abc\n",
                    capture_output=True,
                    env=terminal.variables,
                    cwd=tmp_path,
                    timeout=60,
                    check=False,
                )
                return done.stdout == b"cba\n"

            eventually(runs_new_process, within=20, what="the new process's output")
            watching.send_signal(signal.SIGINT)
            assert watching.wait(10) == 130
        finally:
            watching.kill()
    assert json.loads(terminal.faas("list", "-j"))
    terminal.faas("remove", name)
