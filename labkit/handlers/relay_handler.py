"""Passes each call on to the notebook's kernel, which runs the handler."""

from __future__ import annotations

import base64
import json
import os
import socket
from typing import Any

SETTINGS_JSON = "{}"  # written here when the function is deployed
SETTINGS: dict[str, Any] = json.loads(SETTINGS_JSON)
LIMIT = "exec_timeout"

GONE = """\
{0} runs in debug mode, in the kernel of {1}, and that kernel {2}.
next: run the cell with %%function {0} again, or without --debug
"""


def handle(event: Any, context: Any) -> dict[str, Any]:
    """Return the kernel's response, or a 502 that says where it went."""
    call = {
        "token": SETTINGS["token"],
        "function": SETTINGS["function"],
        "method": event.method,
        "path": event.path,
        "query": [[name, value] for name, values in event.query.lists() for value in values],
        "headers": list(event.headers.items()),
        "body": base64.b64encode(event.body).decode(),
        "hostname": context.hostname,
        "exec_timeout": os.environ.get(LIMIT, ""),
    }
    try:
        reply = ask(json.dumps(call).encode())
    except ConnectionRefusedError:
        return failure("is gone: it was restarted or shut down")
    except (OSError, ValueError) as error:
        return failure("did not answer: " + (str(error) or type(error).__name__))
    return {
        "statusCode": reply["status"],
        "headers": [tuple(pair) for pair in reply["headers"]],
        "body": base64.b64decode(reply["body"]),
    }


def ask(message: bytes) -> Any:
    """Send a message with its length in front; return the answer."""
    with socket.create_connection(("127.0.0.1", SETTINGS["port"]), 5) as connection:
        connection.settimeout(None)  # exec_timeout ends the call
        connection.sendall(len(message).to_bytes(8, "big") + message)
        with connection.makefile("rb") as stream:
            size = int.from_bytes(stream.read(8), "big")
            answer = stream.read(size)
    if not size or len(answer) < size:
        raise ConnectionError("it ended in the middle of the call")
    return json.loads(answer)


def failure(what: str) -> dict[str, Any]:
    """Return a 502 in words."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return {
        "statusCode": 502,
        "headers": headers,
        "body": GONE.format(SETTINGS["function"], SETTINGS["where"], what),
    }
