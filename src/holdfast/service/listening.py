"""An ASGI application on a listening socket: what every HTTP service of holdfast shares."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

IDLE_S: Final = 30
"""How long an idle connection is kept. Longer than a busy process may need to look at what has come in by it: else
it is closed under a call that is on its way.
"""
GRACE_S: Final = 5
"""How long open connections may take to end when the service stops."""


class CannotListen(OSError):
    """The address can't be listened on; the text says which and why."""


class _Server(uvicorn.Server):
    """Signals belong to the process, not to one of its listeners."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(address: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        CannotListen: with the address and the reason.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
        found.listen(2048)
    except OSError as error:
        found.close()
        raise CannotListen(f"can't listen on {address} port {port}: {error.strerror or error}") from error
    found.setblocking(False)
    return found


@asynccontextmanager
async def serving(
    application: ASGIApp,
    sock: socket.socket,
    name: str,
    *,
    tls_cert: str = "",
    tls_key: str = "",
    before_end: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[None]:
    """Answer HTTP on a listening socket as long as the context lasts; then answer what waits, and close.

    `before_end` runs when no new connection is taken any more: it lets requests go that wait for something.
    """
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        http="httptools",
        ws="none",
        loop="none",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=IDLE_S,
        ssl_certfile=tls_cert or None,
        ssl_keyfile=tls_key or None,
        server_header=False,
        proxy_headers=False,  # who asks is known by what it shows, never by an address that a header claims
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name=name)
    try:
        yield
    finally:
        server.should_exit = True
        if before_end is not None:
            await before_end()
        await task
