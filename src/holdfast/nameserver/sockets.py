"""Listening sockets, UDP and TCP on one port, and what to tell a person when that is not possible."""

from __future__ import annotations

import errno
import socket
from typing import Final

from holdfast.assumptions import never
from holdfast.nameserver.settings import AddressOccupied

_ATTEMPTS: Final = 16
_UDP_BUFFER_BYTES: Final = 4 * 2**20
_BACKLOG: Final = 256


def listen_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same address and port; port 0 takes one that is free for both.

    Raises:
        AddressOccupied: the sentence says which address and what to do.
    """
    for attempt in range(_ATTEMPTS):
        stream = _bind(host, port, socket.SOCK_STREAM)
        try:
            datagram = _bind(host, stream.getsockname()[1], socket.SOCK_DGRAM)
        except AddressOccupied:
            stream.close()
            if port or attempt == _ATTEMPTS - 1:
                raise
            continue
        stream.listen(_BACKLOG)
        return datagram, stream
    never("the last attempt neither bound nor raised")
    raise AssertionError("the last attempt returns or raises")


def _bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.setblocking(False)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER_BYTES)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise AddressOccupied(_sentence(host, port, kind, error)) from error
    return sock


def _sentence(host: str, port: int, kind: socket.SocketKind, error: OSError | OverflowError) -> str:
    protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    where = f"can't listen on {host} port {port}/{protocol}"
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"{where}: another process has it. See which with `ss -lnp 'sport = :{port}'` and stop it, "
            f"or give the embedded DNS another port"
        )
    if code == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address; use one of `ip address`, or 127.0.0.1"
    if code == errno.EACCES:
        return f"{where}: ports below 1024 need privileges (CAP_NET_BIND_SERVICE); use a higher port"
    return f"{where}: {error}"
