"""Our ends of the function's pipes, read and written without blocking.

Each class owns its descriptor, which must not block.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from labkit_services.http import HttpError
from labkit_services.http.body import Body
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log_marks import MAX_CHARACTERS
from labkit_services.runtime.spool import TooMuchDataError

CHUNK = 64 * 1024
"""Bytes of one read: the capacity of a Linux pipe."""

_CHUNKS_A_TURN = 16
"""Reads from one pipe before the others get their turn."""

_KEPT_BYTES = 128 * 1024
"""Of a process's stderr, at its beginning and at its end."""

_CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes of a UTF-8 character, but for its first."""


class _ReadEnd:
    """Our end of a pipe that we read from."""

    __slots__ = ("_descriptor", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        self._loop = loop
        self._descriptor = descriptor

    def close(self) -> None:
        """Stop reading; a process that still writes gets SIGPIPE."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class Sink(Protocol):
    """Takes what a pipe brings."""

    def write(self, part: bytes) -> None:
        """Add a part; TooMuchDataError means that it does not fit."""


class PipeReader(_ReadEnd):
    """Moves a pipe's data into a sink, and calls ``at_end`` at its end.

    That is the end of file, or data that does not fit: ``failure`` says why,
    and the pipe is closed, so that whoever writes to it ends.
    """

    __slots__ = ("_at_end", "_sink", "failure")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, descriptor: int, sink: Sink, at_end: Callable[[], None]
    ) -> None:
        super().__init__(loop, descriptor)
        self.failure = ""
        self._at_end = at_end
        self._sink = sink
        loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        # Read again after data: the end of file is often there already, and
        # finding it now saves a turn of the loop.
        for _ in range(_CHUNKS_A_TURN):
            try:
                part = os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                return
            try:
                self._sink.write(part)
            except TooMuchDataError as error:
                self.failure = str(error)
                part = b""
            if not part:
                self.close()
                self._at_end()
                return


class HeadAndTail:
    """Keeps the first and the last bytes, and counts those between them."""

    __slots__ = ("_dropped", "_head", "_tail")

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def write(self, part: bytes) -> None:
        """Add a part."""
        room = _KEPT_BYTES - len(self._head)
        if room > 0:
            self._head += part[:room]
            part = part[room:]
        self._tail += part
        if len(self._tail) > 2 * _KEPT_BYTES:
            self._drop()

    def _drop(self) -> None:
        excess = len(self._tail) - _KEPT_BYTES
        if excess > 0:
            del self._tail[:excess]
            self._dropped += excess

    def data(self) -> bytes:
        """Return what was kept, with a line in place of what was not."""
        self._drop()
        if not self._dropped:
            return bytes(self._head + self._tail)
        # The rest of a long line is its end, not its middle.
        line = self._tail.find(b"\n")
        excess = (line if line >= 0 else len(self._tail)) - MAX_CHARACTERS
        tail = self._tail[max(0, excess) :].lstrip(_CONTINUATION)
        head = _without_last_half(self._head)
        dropped = self._dropped + len(self._head) - len(head) + len(self._tail) - len(tail)
        return bytes(head + b"\n[... %d bytes dropped ...]\n" % dropped + tail)


def _without_last_half(data: bytearray) -> bytearray:
    """Return UTF-8 without a character at its end that is not complete."""
    first = data.rstrip(_CONTINUATION)
    try:
        data[len(first) - 1 :].decode()
    except UnicodeDecodeError:
        return first[:-1]
    return data


class PipeWriter:
    """Writes data to a pipe at the pace of its reader, then closes it."""

    __slots__ = ("_descriptor", "_loop", "_rest")

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, data: memoryview) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._rest = data
        loop.add_writer(descriptor, self._write)

    def _write(self) -> None:
        try:
            written = os.write(self._descriptor, self._rest)
        except BlockingIOError:
            return
        except BrokenPipeError:
            # A process need not read its input: many functions only use their
            # environment. Its exit code shows whether that was an error.
            self.close()
            return
        self._rest = self._rest[written:]
        if not self._rest:
            self.close()

    def close(self) -> None:
        """Stop writing; the reader sees the end of its input."""
        if self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class PipeStream(_ReadEnd):
    """Streams a pipe's data, and reads no faster than the consumer.

    ``body`` ends when the last writer has closed the pipe.
    """

    __slots__ = ("body",)

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        super().__init__(loop, descriptor)
        self.body = Body(self)
        self.resume_reading()

    def pause_reading(self) -> None:
        """Stop reading: the pipe fills, and its writer blocks."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)

    def resume_reading(self) -> None:
        """Continue reading."""
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        try:
            part = os.read(self._descriptor, CHUNK)
        except BlockingIOError:
            return
        if part:
            self.body.feed(part)
        else:
            self.close()
            self.body.finish()


def write_body(tasks: BackgroundTasks, descriptor: int, parts: AsyncIterator[bytes]) -> asyncio.Task[None]:
    """Write a request's body to a pipe as it arrives, then close the pipe.

    ``descriptor`` must not block. Cancelling the returned task closes the pipe
    early.
    """
    task = tasks.start(_write_parts(descriptor, parts), name="write the function's standard input")
    # Not in the task's own ``finally``: a task that is cancelled at once never
    # begins.
    task.add_done_callback(lambda _: os.close(descriptor))
    return task


async def _write_parts(descriptor: int, parts: AsyncIterator[bytes]) -> None:
    loop = asyncio.get_running_loop()
    try:
        async for part in parts:
            rest = memoryview(part)
            while rest:
                try:
                    rest = rest[os.write(descriptor, rest) :]
                except BlockingIOError:
                    await _wait_until_writable(loop, descriptor)
    except (ConnectionError, HttpError):
        return  # the process need not read all, and a client may disconnect, or pause too long


async def _wait_until_writable(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    writable = asyncio.Event()
    loop.add_writer(descriptor, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(descriptor)
