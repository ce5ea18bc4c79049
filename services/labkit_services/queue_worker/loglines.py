"""The queue-worker's log, line for line as OpenFaaS's prints it (nats-queue-worker main.go)."""

from __future__ import annotations

import json

from labkit_services.contract.names import VERSION
from labkit_services.contract.queued import QueuedCall
from labkit_services.runtime.log import LineWriter


class WorkerLog:
    """``[#1] Invoked: figlet [200] in 0.012345s`` and the like; no time stamps.

    Each line is ended, as in older releases; the current one leaves out some
    line ends. The body is not printed: the learner sees its size.
    """

    def __init__(self, writer: LineWriter) -> None:
        self._write = writer.write

    def started(self, nats_url: str, queue: str, max_inflight: int, name: str) -> None:
        """Print that a queue is being worked off from now on."""
        self._write(
            f"Starting queue-worker (labkit). Concurrency: {max_inflight}\tChannel: {queue}"
            f"\tVersion: {VERSION}\tGit Commit: labkit"
        )
        self._write(f"Connect: {nats_url}")
        self._write(f"Subscribing to: {queue} at {nats_url}")
        self._write(f"Listening on [{queue}], clientID=[{name}], qgroup=[faas] maxInFlight=[{max_inflight}]")

    def received(self, number: int, queue: str, call: QueuedCall) -> None:
        """Print that a message came."""
        summary = {"Function": call.function, "CallId": call.call_id, "Bytes": len(call.body)}
        self._write(f"[#{number}] Received on [{queue}]: '{json.dumps(summary)}'")

    def unreadable(self, number: int, queue: str, error: Exception) -> None:
        """Print that a message was none of ours."""
        self._write(f"[#{number}] Unmarshal error: {error} with data on [{queue}]")

    def invoking(self, number: int, call: QueuedCall, url: str) -> None:
        """Print that the function is called."""
        self._write(f"[#{number}] Invoking: {call.function} with {len(call.body)} bytes, via: {url}")

    def invoked(self, number: int, call: QueuedCall, status: int, seconds: float, size: int) -> None:
        """Print what the function said."""
        self._write(f"[#{number}] Invoked: {call.function} [{status}] in {seconds:.6f}s")
        self._write(f"[#{number}] {call.function} returned {size} bytes")

    def failed(self, number: int, call: QueuedCall, error: Exception) -> None:
        """Print that the function could not be called."""
        self._write(f"[#{number}] Error invoking {call.function}, error: {error}")

    def retrying(self, number: int, call: QueuedCall, delay: float, attempt: int) -> None:
        """Print that the call will be tried again."""
        self._write(f"[#{number}] Retrying: {call.function} in {delay:.3f}s, after attempt {attempt}")

    def dead(self, number: int, call: QueuedCall, reason: str) -> None:
        """Print that the call was given up."""
        self._write(f"[#{number}] Giving up: {call.function}, {reason}; kept as dead letter {call.call_id}")

    def cancelled(self, number: int, call: QueuedCall) -> None:
        """Print that the call was taken back."""
        self._write(f"[#{number}] Cancelled: {call.function}, call {call.call_id}")

    def callback_dead(self, number: int, call: QueuedCall, reason: str) -> None:
        """Print that the callback was given up."""
        self._write(
            f"[#{number}] Giving up the callback of {call.function}, {reason};"
            f" kept as dead letter {call.call_id}"
        )

    def calling_back(self, number: int, url: str) -> None:
        """Print that the result is posted."""
        self._write(f"[#{number}] Callback to: {url}")

    def called_back(self, number: int, call: QueuedCall, url: str, status: int) -> None:
        """Print what the callback's target said."""
        self._write(f"[#{number}] Posted result for {call.function} to callback-url: {url}, status: {status}")

    def callback_failed(self, number: int, error: Exception) -> None:
        """Print that the result could not be posted."""
        self._write(f"[#{number}] Error posting to callback-url: {error}")
