"""Which part of a JetStream message block can be read.

A block is a sequence of records, as nats-server's file store writes them
(``server/filestore.go``): length with a flag for headers (4 bytes), sequence
number with two flags (8), time (8), length of the subject (2), all in little
endian; the subject, the message, and a checksum of 8 bytes. nats-server
ignores whatever follows the first record that it can't read.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<IQqH")
_CHECKSUM_BYTES = 8
_HAS_HEADERS = 1 << 31


def unreadable_bytes(block: bytes) -> int:
    """Return how many bytes at the end of a block can't be read.

    Only the lengths are checked: a changed byte inside a message is found by
    nats-server alone, when it reads that message.
    """
    position = 0
    while position + _HEADER.size <= len(block):
        length, _, _, subject = _HEADER.unpack_from(block, position)
        length &= ~_HAS_HEADERS
        if length < _HEADER.size + subject + _CHECKSUM_BYTES or position + length > len(block):
            break
        position += length
    return len(block) - position
