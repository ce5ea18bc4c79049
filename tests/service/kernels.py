"""A kernel that runs cells, as a frontend talks to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from labkit.workspace import Workspace

START = """
import sys; sys.path.insert(0, {here!r})
from labs import start_lab
import labkit.lab.background_loop as lab_loop
lab = start_lab({workspace!r})
"""
CELL_SECONDS = 30.0


@dataclass
class CellOutput:
    """What a cell showed: its reply, and what it published."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def printed(self) -> str:
        """The text of both streams."""
        return "".join(one["content"]["text"] for one in self.messages if one["msg_type"] == "stream")

    @property
    def error(self) -> str:
        """What IPython shows of the error."""
        found = [one["content"]["traceback"] for one in self.messages if one["msg_type"] == "error"]
        assert len(found) == 1, found
        return "\n".join(found[0])

    def shown(self, kind: str = "text/plain") -> list[str]:
        """Displayed data of a kind; a later version replaces an earlier one."""
        found: dict[str, str] = {}
        for one in self.messages:
            if one["msg_type"] in ("display_data", "update_display_data", "execute_result"):
                data = one["content"]["data"]
                if kind in data:
                    found[one["content"].get("transient", {}).get("display_id", str(len(found)))] = data[kind]
        return list(found.values())


class Notebook:
    """A kernel that runs cells."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self._requests = 0
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(workspace))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=CELL_SECONDS)

    def run(self, code: str) -> dict:
        """Run a cell; return the content of its reply."""
        return self.reply(self.client.execute(code, stop_on_error=False))

    def show(self, code: str, answer: str | None = None) -> CellOutput:
        """Run a cell; return all that it shows.

        Args:
            code: The cell's code.
            answer: What is typed, line by line, where the cell asks for input.
        """
        lines = iter((answer or "").splitlines())
        request = self.client.execute(code, stop_on_error=False, allow_stdin=answer is not None)
        output = CellOutput({})
        deadline = time.monotonic() + CELL_SECONDS
        while time.monotonic() < deadline:
            if answer is not None and self.client.stdin_channel.msg_ready():
                self.client.get_stdin_msg(timeout=1)
                self.client.input(next(lines))
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            output.messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                output.reply = self.reply(request)
                return output
        raise AssertionError(f"the cell did not end within {CELL_SECONDS:g} s: {output.messages}")

    def debugger(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request of the Debug Adapter Protocol, as JupyterLab does."""
        self._requests += 1
        content = {"type": "request", "seq": self._requests, "command": command, "arguments": arguments}
        message = self.client.session.msg("debug_request", content)
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=CELL_SECONDS)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                assert reply["content"]["success"], reply["content"]
                return dict(reply["content"].get("body", {}))

    def run_well(self, code: str) -> None:
        """Run a cell that must not fail."""
        reply = self.run(code)
        assert reply["status"] == "ok", "\n".join(reply["traceback"])

    def reply(self, request: str) -> dict:
        deadline = time.monotonic() + CELL_SECONDS
        while time.monotonic() < deadline:
            try:
                message = self.client.get_shell_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        raise AssertionError(f"no reply within {CELL_SECONDS:g} s")

    def start_lab(self) -> int:
        """Run the first cell; return the supervisor's process id."""
        code = START.format(here=str(Path(__file__).parent), workspace=str(self.workspace))
        self.run_well(code)
        pid = Workspace(self.workspace).lock_holder()
        assert pid is not None
        return pid

    def end(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def has_begun(notebook: Notebook) -> bool:
    """Tell whether the cell runs; an earlier interrupt would be lost."""
    try:
        message = notebook.client.get_iopub_msg(timeout=0.1)
    except Empty:
        return False
    return message["msg_type"] == "stream" and "begun" in message["content"]["text"]


def iopub(notebook: Notebook) -> list[dict]:
    """Return what cells have published."""
    found: list[dict] = []
    while True:
        try:
            found.append(notebook.client.get_iopub_msg(timeout=0.3))
        except Empty:
            return found


def outputs(notebook: Notebook) -> str:
    """Return the text that cells have printed, errors aside."""
    messages = [message for message in iopub(notebook) if message["msg_type"] == "stream"]
    return "".join(message["content"]["text"] for message in messages)
