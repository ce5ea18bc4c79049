"""The log lines of OpenFaaS's queue-worker (nats-queue-worker main.go)."""

from __future__ import annotations

from labkit_services.contract.compact_json import encode
from labkit_services.contract.names import VERSION
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.runtime.log import LineWriter, quoted


class WorkerLog:
    """Writes lines such as ``[#1] Invoked: figlet [200] in 0.012345s``.

    Each line ends, as in older releases; the current one omits some line ends.
    The size of a body is printed, not the body. ``#1`` counts the deliveries
    of calls; a callback that is tried again is no delivery: ``#callback-1``.
    """

    def __init__(self, writer: LineWriter) -> None:
        self._write = writer.write

    def started(self, nats_url: str, queue: str, max_inflight: int, name: str) -> None:
        """Log that the worker receives calls of a queue."""
        self._write(
            f"Starting queue-worker (labkit). Concurrency: {max_inflight}\tChannel: {queue}"
            f"\tVersion: {VERSION}\tGit Commit: labkit"
        )
        self._write(f"Connect: {nats_url}")
        self._write(f"Subscribing to: {queue} at {nats_url}")
        self._write(f"Listening on [{queue}], clientID=[{name}], qgroup=[faas] maxInFlight=[{max_inflight}]")

    def received(self, number: int, queue: str, call: QueuedCall) -> None:
        """Log a delivery."""
        function, call_id = encode(call.function), encode(call.call_id)
        summary = f'{{"Function": {function}, "CallId": {call_id}, "Bytes": {len(call.body)}}}'
        self._write(f"[#{number}] Received on [{queue}]: '{summary}'")

    def unreadable(self, number: int, queue: str, error: Exception) -> None:
        """Log a message that is not a queued call."""
        self._write(f"[#{number}] Unmarshal error: {error} with data on [{queue}]")

    def invoking(self, number: int, call: QueuedCall, url: str) -> None:
        """Log that the function is being invoked."""
        self._write(f"[#{number}] Invoking: {call.function} with {len(call.body)} bytes, via: {url}")

    def invoked(self, number: int, call: QueuedCall, status: int, seconds: float, size: int) -> None:
        """Log the function's response."""
        self._write(f"[#{number}] Invoked: {call.function} [{status}] in {seconds:.6f}s")
        self._write(f"[#{number}] {call.function} returned {size} bytes")

    def failed(self, number: int, call: QueuedCall, error: Exception) -> None:
        """Log that the function could not be invoked."""
        self._write(f"[#{number}] Error invoking {call.function}, error: {error}")

    def retrying(self, number: int, call: QueuedCall, delay: float, attempt: int) -> None:
        """Log that a retry is scheduled."""
        self._write(f"[#{number}] Retrying: {call.function} in {delay:.3f}s, after attempt {attempt}")

    def dead(self, number: int | str, call: QueuedCall, reason: str, *, callback: bool = False) -> None:
        """Log that the call, or its callback, became a dead letter."""
        what = f" the callback of {call.function}" if callback else f": {call.function}"
        self._write(f"[#{number}] Giving up{what}, {reason}; kept as dead letter {quoted(call.call_id)}")

    def cancelled(self, number: int, call: QueuedCall) -> None:
        """Log that the call was cancelled."""
        self._write(f"[#{number}] Cancelled: {call.function}, call {quoted(call.call_id)}")

    def retrying_callback(self, number: str, call: QueuedCall, attempt: int) -> None:
        """Log that a callback is tried again; ``number`` is its own."""
        what = f"the callback of {call.function}, call {quoted(call.call_id)}"
        self._write(f"[#{number}] Trying again: {what}, attempt {attempt}")

    def calling_back(self, number: int | str, url: str) -> None:
        """Log that the result is being posted."""
        self._write(f"[#{number}] Callback to: {url}")

    def redirected(self, number: int | str, url: str, status: int) -> None:
        """Log that the target of a callback names another one."""
        self._write(f"[#{number}] Callback redirected [{status}] to: {url}")

    def called_back(self, number: int | str, call: QueuedCall, url: str, status: int) -> None:
        """Log the response to the callback."""
        self._write(f"[#{number}] Posted result for {call.function} to callback-url: {url}, status: {status}")

    def refused(self, number: int | str, call: QueuedCall, url: str, status: int) -> None:
        """Log that the target refuses the result, and no retry follows."""
        self._write(f"[#{number}] Result of {call.function} refused by: {url}, status: {status}; no retry")

    def callback_failed(self, number: int | str, error: Exception) -> None:
        """Log that the result could not be posted."""
        self._write(f"[#{number}] Error posting to callback-url: {error}")
