"""Whether a client that sends no more is still there to read the response.

A client that closes its connection and one that only closes its sending side
(``nc -N``) look the same from here: both send a FIN. The kernel knows more
about a client on the same machine: a closed socket belongs to no file.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
from ipaddress import ip_address

_SOCK_DIAG = 4  # linux/netlink.h: NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # linux/sock_diag.h: SOCK_DIAG_BY_FAMILY
_REQUEST = 1  # linux/netlink.h: NLM_F_REQUEST
_ERROR = 2  # linux/netlink.h: NLMSG_ERROR
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = (0xFFFFFFFF, 0xFFFFFFFF)
_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_QUERY = struct.Struct("=BBBBI")  # inet_diag_req_v2, up to its inet_diag_sockid
_INODE_OFFSET = _HEADER.size + 4 + 48 + 4 * 4  # inet_diag_msg.idiag_inode


def peer_is_open(connection: socket.socket) -> bool | None:
    """Return whether the other end of a connection is open.

    None if that is unknown: the peer is on another machine, or the kernel
    does not tell. It takes about 20 µs.
    """
    if connection.family == socket.AF_UNIX:
        # Here a hang-up is the end of both directions.
        poll = select.poll()
        poll.register(connection.fileno(), 0)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))
    try:
        peer, own = connection.getpeername(), connection.getsockname()
        inode = _inode(connection.family, peer[:2], own[:2])
    except OSError as error:
        is_local_and_missing = error.errno == errno.ENOENT and ip_address(peer[0]).is_loopback
        return False if is_local_and_missing or error.errno == errno.ENOTCONN else None
    except AttributeError:  # no netlink: not Linux
        return None
    return inode != 0


def _inode(family: int, source: tuple[str, int], destination: tuple[str, int]) -> int:
    """Return the inode of a TCP socket of this machine, 0 if it is closed."""
    addresses = (socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in (source, destination))
    identity = struct.pack("!HH", source[1], destination[1]) + b"".join(addresses)
    identity += struct.pack("=III", 0, *_NO_COOKIE)
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0, _ALL_STATES) + identity
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as netlink:
        netlink.setblocking(False)  # the kernel answers within ``send``
        netlink.send(_HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 1, 0) + query)
        answer = netlink.recv(4096)
    if _HEADER.unpack_from(answer)[1] == _ERROR:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        raise OSError(-code, "sock_diag")
    (inode,) = struct.unpack_from("=I", answer, _INODE_OFFSET)
    return int(inode)
