"""Configuration to a real nginx: its backends are a document, validated and loaded by nginx itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from holdfast.client.delivery import ask
from holdfast.client.http import LeaseHttp
from holdfast.model.delivery import Host, Publish, Published
from holdfast.ports.release import Ready
from holdfast.service.delivery.following import Following, follow_configuration
from servers.ports import free_port
from servers.process import HOST, Missing, binary
from service_here import KEY, Place, serving
from visible import missing

PATIENCE_S = 60.0
FILE = """pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  upstream pool {{ {servers} }}
  server {{ listen {host}:{port}; location / {{ proxy_pass http://pool; }} }}
}}
"""


@asynccontextmanager
async def backend(name: str) -> AsyncIterator[int]:
    """An HTTP server that says its name; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Nginx:
    """A host with nginx: what is published for it, what it serves, what it said of itself last."""

    def __init__(self, directory: Path, place: Place, service: LeaseHttp) -> None:
        nginx = binary("nginx", "nginx-light")
        self._directory, self._service = directory, service
        self._port = free_port()
        self.said = Ready(False, 0, 0)
        self._pid = directory / "nginx.pid"
        check = f"{nginx} -p {directory} -e {directory}/error.log -c {{dir}}/nginx.conf"
        self.following = Following(
            url=place.url,
            key=KEY,
            host=Host("lb-1", "lb"),
            directory=str(directory / "lb"),
            validate=f"{check} -t",
            reload=f"if test -s {self._pid}; then {check} -s reload; else {check}; fi",
        )

    def told(self, now: Ready) -> None:
        """As `follow_configuration` wants it."""
        self.said = now

    async def publish(self, ports: list[int], *, broken: bool = False) -> int:
        """A document with these backends; its generation."""
        servers = " ".join(f"server {HOST}:{port};" for port in ports)
        text = FILE.format(directory=self._directory, host=HOST, port=self._port, servers=servers)
        found = await ask(self._service, Publish("role/lb", "nginx.conf", (text + "servr;\n" * broken).encode()))
        assert isinstance(found, Published)
        return found.generation

    async def serves(self) -> set[bytes]:
        """Which backends answer through it."""
        found = set()
        for _ in range(4):
            try:
                reader, writer = await asyncio.open_connection(HOST, self._port)
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                found.add((await reader.read()).rpartition(b"\r\n\r\n")[2])
                writer.close()
            except OSError:
                return set()
        return found

    def stop(self) -> None:
        """End nginx, if it runs."""
        with suppress(OSError, ValueError):
            os.kill(int(self._pid.read_text()), signal.SIGTERM)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what a host says."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)


async def until_serves(host: Nginx, *names: bytes) -> None:
    """Wait until exactly these answer: nginx reloads in its own time."""
    async with asyncio.timeout(PATIENCE_S):
        while await host.serves() != set(names):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


@pytest.mark.real
async def test_nginx_takes_each_list_of_backends_and_keeps_the_last_good_one(tmp_path: Path) -> None:
    """One backend, then two; a file that nginx refuses changes nothing, and its words are told; then another."""
    place = Place(tmp_path)
    async with AsyncExitStack() as stack:
        east, west = [await stack.enter_async_context(backend(name)) for name in ("east", "west")]
        await stack.enter_async_context(serving(place))
        service = await stack.enter_async_context(LeaseHttp(place.url, KEY))
        try:
            host = Nginx(tmp_path, place, service)
        except Missing as absent:
            missing(str(absent))
        stack.callback(host.stop)
        await host.publish([east])
        follower = asyncio.create_task(follow_configuration(host.following, host.told))
        stack.callback(follower.cancel)
        await until_serves(host, b"east")
        two = await host.publish([east, west])
        await until_serves(host, b"east", b"west")
        await host.publish([west], broken=True)
        await until(lambda: "servr" in host.said.why)
        assert (host.said.ready, host.said.applied) == (False, two)
        await until_serves(host, b"east", b"west")
        four = await host.publish([west])
        await until_serves(host, b"west")
        await until(lambda: host.said.ready and host.said.applied == four)
