"""Ports for servers under test that nobody else takes between the asking and the binding."""

from __future__ import annotations

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
# Below Linux's range for outgoing connections: a client's own port can't take one of these.
FIRST, LAST = 20_000, 32_000
_taken: list[IO[bytes]] = []
"""Locks of the ports this process was given: held until it ends, so that no port is given twice."""


def free_port(address: str = HOST) -> int:
    """A port that is free for TCP and UDP and stays with this process, other test processes included."""
    places = Path(tempfile.gettempdir()) / "holdfast-test-ports"
    places.mkdir(exist_ok=True)
    while True:
        port = random.randint(FIRST, LAST)
        if _claim(places / str(port)) and _binds(address, port):
            return port


def _claim(place: Path) -> bool:
    lock = place.open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _taken.append(lock)
    return True


def _binds(address: str, port: int) -> bool:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind((address, port))
            udp.bind((address, port))
        except OSError:
            return False
    return True
