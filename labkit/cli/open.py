"""``labkit open``: show a record of a run in a browser, without a lab."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from labkit.signals import cleaning_up
from labkit.teaching.recorded_runs import course_run
from labkit_services.call_record.record_file import MAX_BYTES
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.inspector_link import inspector_page
from labkit_services.runtime.python_process import python_command, python_environment


@click.command(name="open")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--browser/--no-browser", default=True, help="Open it in a browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The page's port; 0 is any.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON, for scripts.")
def open_record(file: Path, browser: bool, port: int, as_json: bool) -> None:
    """Show the record FILE of a run, as lab.record() writes it.

    The page is the lab's, read-only, and needs no running lab. Ctrl-C ends it.

    FILE may be the number of a notebook whose run comes with labkit, such as
    01: for a class without a lab.
    """
    file = _record_file(file)
    token = secrets.token_hex(24)
    settings = {"record": str(file.resolve()), "inspector_token": token, "port": str(port)}
    with (
        cleaning_up(),
        subprocess.Popen(  # noqa: S603 - our own module
            python_command("labkit_services.inspector"),
            stdin=subprocess.PIPE,  # Its lifeline: it ends when this process does.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**python_environment(), **settings, "port_fallback": "false", "lifeline": "stdin"},
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        if not line:
            raise InvalidValueError(
                f"{file} can't be shown",
                expected=f"a record that lab.record() wrote, at most {MAX_BYTES:,} bytes",
                seen=process.stderr.read().strip()[-500:],
            )
        page = inspector_page(json.loads(line)["url"], token)
        click.echo(json.dumps({"url": page, "record": str(file)}) if as_json else f"{page}\nCtrl-C ends it.")
        if browser:
            webbrowser.open(page)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(3)
            raise
    sys.exit(code)


def _record_file(name: Path) -> Path:
    """Return the file, or the record that comes with labkit for a number."""
    return name if name.exists() else course_run(str(name))
