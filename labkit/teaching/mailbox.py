"""A mail server in this process: it keeps what is sent to it."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

from labkit_services.contract.errors import LabTimeoutError

_MOST_MESSAGES = 100
_MOST_BYTES = 1_000_000
_SECONDS = 10.0
"""For its thread to start, and to end."""


class Mailbox:
    """Accepts mail by SMTP from this computer, and sends none of it on.

    It is open until ``close``, or until nothing refers to it.

    Attributes:
        address: Where it listens, such as ``127.0.0.1:40123``.
    """

    def __init__(self) -> None:
        """Open it; OSError if there is no free port."""
        self._inbox = _Inbox()
        server = _Server(self._inbox)
        server.start()
        self.address = f"127.0.0.1:{server.port}"
        self._close = weakref.finalize(self, server.stop)

    def __repr__(self) -> str:
        return f"Mailbox({self.address!r}, messages: {len(self.messages)})"

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages, oldest first; the newest 100 are kept."""
        with self._inbox.changed:
            return list(self._inbox.messages)

    def clear(self) -> None:
        """Delete the messages."""
        with self._inbox.changed:
            self._inbox.messages.clear()

    def wait(self, count: int = 1, timeout: float = 10.0) -> EmailMessage:
        """Wait for ``count`` messages, and return the newest.

        Raises:
            LabTimeoutError: After ``timeout`` seconds there are fewer.
        """
        deadline = time.monotonic() + timeout
        with self._inbox.changed:
            while len(self._inbox.messages) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LabTimeoutError(
                        f"no mail within {timeout:g} s",
                        expected=f"messages in the mailbox: {count}",
                        seen=f"messages in the mailbox: {len(self._inbox.messages)}",
                        next_step="read the log of the function that should have sent it: lab.logs(…)",
                    )
                self._inbox.changed.wait(left)
            return self._inbox.messages[-1]

    def close(self) -> None:
        """Stop listening; idempotent."""
        self._close()


class _Inbox:
    """What aiosmtpd calls for each message."""

    def __init__(self) -> None:
        self.messages: deque[EmailMessage] = deque(maxlen=_MOST_MESSAGES)
        self.changed = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message; the name is aiosmtpd's."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()
        return "250 OK"


class _Server:
    """Serves an inbox in a thread of its own."""

    def __init__(self, inbox: _Inbox) -> None:
        self.port = 0
        self._inbox = inbox
        self._opened = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="labkit-mailbox", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._opened.wait(_SECONDS) or not self.port:
            raise OSError("the mailbox could not listen on this computer")

    def stop(self) -> None:
        self._stop()
        self._thread.join(_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._opened.set()

    async def _serve(self) -> None:
        from aiosmtpd.smtp import SMTP  # on first use: only one notebook has mail

        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        connections: weakref.WeakSet[Any] = weakref.WeakSet()

        def connection() -> Any:
            made = SMTP(self._inbox, data_size_limit=_MOST_BYTES, hostname="localhost", loop=loop)
            connections.add(made)
            return made

        server = await loop.create_server(connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._stop = partial(loop.call_soon_threadsafe, stopped.set)
        self._opened.set()
        await stopped.wait()
        server.close()
        for each in connections:
            if each.transport is not None:
                each.transport.abort()
        await asyncio.sleep(0)  # for what the aborted ones have left to do
