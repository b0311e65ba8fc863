"""What a simulated loop refuses: whatever would do real I/O, and so could not be repeated.

A refusal is raised where the code asked, and remembered, so that code which catches everything can't hide it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NoReturn

SOCKETS, THREADS, PROCESSES, SIGNALS = "sockets", "threads", "processes", "signals"

REFUSED: dict[str, tuple[str, str]] = {
    "run_in_executor": ("loop.run_in_executor (asyncio.to_thread)", THREADS),
    "set_default_executor": ("loop.set_default_executor", THREADS),
    "subprocess_exec": ("asyncio.create_subprocess_exec", PROCESSES),
    "subprocess_shell": ("asyncio.create_subprocess_shell", PROCESSES),
    "connect_read_pipe": ("loop.connect_read_pipe", PROCESSES),
    "connect_write_pipe": ("loop.connect_write_pipe", PROCESSES),
    "add_signal_handler": ("loop.add_signal_handler", SIGNALS),
    "remove_signal_handler": ("loop.remove_signal_handler", SIGNALS),
    "create_connection": ("loop.create_connection (asyncio.open_connection)", SOCKETS),
    "create_server": ("loop.create_server (asyncio.start_server)", SOCKETS),
    "create_unix_connection": ("loop.create_unix_connection (asyncio.open_unix_connection)", SOCKETS),
    "create_unix_server": ("loop.create_unix_server (asyncio.start_unix_server)", SOCKETS),
    **{
        name: (f"loop.{name}", SOCKETS)
        for name in (
            "create_datagram_endpoint", "connect_accepted_socket", "getaddrinfo", "getnameinfo", "start_tls",
            "sendfile", "add_reader", "remove_reader", "add_writer", "remove_writer", "sock_recv",
            "sock_recv_into", "sock_recvfrom", "sock_recvfrom_into", "sock_sendall", "sock_sendto",
            "sock_connect", "sock_accept", "sock_sendfile",
        )
    },
}  # fmt: skip


class Refusing(ABC):
    """The methods of an event loop that a simulated one hasn't."""

    @abstractmethod
    def refuse(self, used: str, kind: str) -> NoReturn:
        """Raise, naming what was used."""


def _refusal(used: str, kind: str) -> Any:
    def method(self: Refusing, *_: Any, **__: Any) -> NoReturn:
        self.refuse(used, kind)

    return method


for _name, (_used, _kind) in REFUSED.items():
    setattr(Refusing, _name, _refusal(_used, _kind))
