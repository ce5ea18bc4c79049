"""``labkit worker``: one more queue-worker, in this terminal."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
from click.core import ParameterSource

from labkit.cli.attached import json_option, show
from labkit.cli.lifecycle import nats_login, nats_options
from labkit.clients.supervisor import SupervisorClient
from labkit.lifecycle.nats_account import worker_settings
from labkit.lifecycle.running_lab import require_state
from labkit.signals import cleaning_up
from labkit.workspace import Workspace
from labkit_services.contract.errors import InvalidValueError
from labkit_services.runtime.python_process import python_command, python_environment

_GATEWAY = "gateway_url"
"""The worker's own setting, by OpenFaaS's name."""


@click.command()
@nats_options
@click.option("--gateway", "gateway_url", default="", help="Where functions are called, http://HOST:PORT.")
@click.option("--queue", "queue_name", default="*", show_default=True, help="Which queue; * is every one.")
@click.option("--max-inflight", type=click.IntRange(min=1), help="Calls of a queue that it runs at once.")
@json_option
@click.pass_obj
def worker(workspace: Workspace, /, nats: str, nats_credentials: str, as_json: bool, **options: Any) -> None:
    """Run one more queue-worker; Ctrl-C lets its calls finish.

    It joins this workspace's running lab, with the lab's settings. With --nats
    it joins the lab that uses that NATS, from any host, also with that lab's
    settings; --gateway is where this host reaches the lab's gateway (see
    labkit up --listen). Without a lab there its settings come from the
    environment, by OpenFaaS's names: ack_wait, max_retry_attempts ...
    """
    login = nats_login(nats, nats_credentials)
    source = click.get_current_context().get_parameter_source("nats")
    is_told = source is ParameterSource.COMMANDLINE or bool(options["gateway_url"])
    # With the variable alone, a lab that runs here is the one that is meant.
    if login.url and (is_told or workspace.read_state() is None):
        settings = asyncio.run(worker_settings(login))
        if not (options["gateway_url"] or os.environ.get(_GATEWAY)):
            raise InvalidValueError(
                "a queue-worker has to know the lab's gateway",
                expected="--gateway http://HOST:PORT, as this host reaches it",
                seen="none",
                next_step="start the lab with --listen ADDRESS, and see its gateway with: labkit status",
            )
    else:
        settings = asyncio.run(SupervisorClient(require_state(workspace)).worker_settings())
    settings |= {name: str(value) for name, value in options.items() if value}
    if options["max_inflight"]:
        settings["max_inflight_of"] = ""  # The option holds for every queue, whatever the lab's limits.
    sys.exit(_run_worker(settings, as_json))


def _run_worker(settings: Mapping[str, str], as_json: bool) -> int:
    """Run a queue-worker until Ctrl-C, or its own end; return its exit code.

    The worker ignores Ctrl-C, which a terminal sends to both processes.
    """
    with (
        cleaning_up(),
        subprocess.Popen(  # noqa: S603 - our own module
            python_command("labkit_services.queue_worker"),
            stdin=subprocess.PIPE,  # The worker's lifeline: it ends when this process does.
            stdout=subprocess.PIPE,
            env={**python_environment(), **settings, "lifeline": "stdin"},
            # Out of reach of the terminal's Ctrl-C, also while it starts.
            process_group=0,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if line := process.stdout.readline():
                ready = json.loads(line)
                text = f"Works on {ready['queue']}; metrics {ready['metrics']}; Ctrl-C lets it finish."
                show(as_json, text, **ready)
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            click.echo("Running calls may finish; Ctrl-C again returns them to the queue.", err=True)
            with suppress(KeyboardInterrupt):
                process.wait()
            process.stdin.close()
            process.wait()
            raise
