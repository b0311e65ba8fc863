"""Configuration to a real HAProxy, by real processes: the service, the host's follower, the balancer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from lease_service import PROGRAM, LeaseService

from servers import waiting
from servers.ports import free_port
from servers.process import HOST, Process
from visible import missing

BALANCER = """
global
  stats socket {directory}/haproxy.sock mode 600
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend front
  bind {host}:{port}
  default_backend pool
backend pool
{servers}
"""


def backend(name: str) -> Iterator[int]:
    """A backend on loopback that says its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def east() -> Iterator[int]:
    """A backend."""
    yield from backend("east")


@pytest.fixture
def west() -> Iterator[int]:
    """Another."""
    yield from backend("west")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LeaseService]:
    """The service that hosts ask."""
    with LeaseService(tmp_path, ttl="60s") as found:
        found.start()
        yield found


def eventually(check: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until it holds."""
    waiting.eventually(check, within_s, lambda: "it did not come to that")


class Host:
    """A balancer host: HAProxy, and `holdfast deliver follow` beside it."""

    def __init__(self, directory: Path, service: LeaseService) -> None:
        self.directory = directory
        self.port = free_port()
        self.service = service
        self.haproxy: Process | None = None
        reload = directory / "reload.sh"
        # What an operator's unit does: start it, or let it read its file anew without dropping a connection.
        reload.write_text(
            f"#!/bin/sh\npid=$(cat {directory}/haproxy.pid 2>/dev/null)\n"
            f"cd {directory}; exec haproxy -D -p haproxy.pid -f lb/current/haproxy.cfg ${{pid:+-sf $pid}}\n"
        )
        reload.chmod(0o755)
        command = ["deliver", "follow", "--host", "lb-1", "--role", "lb", "--dir", str(directory / "lb")]
        command += ["--url", service.url, "--key-file", str(service.state / "keys" / "leases.key")]
        command += ["--validate", "haproxy -c -f {dir}/haproxy.cfg", "--reload", str(reload)]
        self.follower = Process([*PROGRAM, *command], directory, "follow")

    def publish(self, ports: list[int], *, broken: bool = False) -> subprocess.CompletedProcess[str]:
        """Publish a balancer's file with these backends, as a person would."""
        servers = "\n".join(f"  server s{port} {HOST}:{port}" for port in ports)
        file = self.directory / "haproxy.cfg"
        text = BALANCER.format(directory=self.directory, host=HOST, port=self.port, servers=servers)
        file.write_text(text + ("  servr nonsense\n" if broken else ""))
        return self.holdfast("deliver", "publish", str(file), "--to", "role/lb")

    def holdfast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command against the service."""
        key = ["--url", self.service.url, "--key-file", str(self.service.state / "keys" / "leases.key")]
        return subprocess.run([*PROGRAM, *arguments, *key], capture_output=True, text=True, check=False)

    def serves(self) -> set[str]:
        """Which backends answer through the balancer."""
        found = set()
        for _ in range(4):
            try:
                found.add(httpx.get(f"http://{HOST}:{self.port}/", timeout=2.0, trust_env=False).text)
            except httpx.HTTPError:
                return set()
        return found

    def lags(self) -> list[dict[str, object]]:
        """What the service says of its hosts."""
        found: list[dict[str, object]] = json.loads(self.holdfast("deliver", "status", "--format", "json").stdout)[
            "hosts"
        ]
        return found

    def stop(self) -> None:
        """Stop both."""
        self.follower.kill()
        pid = self.directory / "haproxy.pid"
        if pid.exists():
            subprocess.run(["kill", *pid.read_text().split()], check=False)


@pytest.fixture
def host(tmp_path: Path, service: LeaseService) -> Iterator[Host]:
    """A balancer host."""
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        missing("haproxy is not installed (apt-get install haproxy)")
    found = Host(tmp_path, service)
    yield found
    found.stop()


@pytest.mark.real
def test_a_balancer_takes_each_document_as_a_whole_and_refuses_a_broken_one(
    host: Host, service: LeaseService, east: int, west: int
) -> None:
    """Two backends after one publication; a broken file is refused with HAProxy's words; both go on serving."""
    assert host.publish([east]).returncode == 0
    eventually(lambda: host.serves() == {"east"})
    assert host.publish([east, west]).stdout.startswith("generation 2: haproxy.cfg for role/lb")
    eventually(lambda: host.serves() == {"east", "west"})
    assert host.publish([west], broken=True).returncode == 0
    eventually(lambda: any(lag["refused"] == 3 for lag in host.lags()))
    (lag,) = host.lags()
    assert (lag["applied"], lag["ready"]) == (2, False)
    assert "servr" in str(lag["why"])
    assert host.serves() == {"east", "west"}
    assert host.publish([west]).returncode == 0
    eventually(lambda: host.serves() == {"west"})
    eventually(lambda: [lag["ready"] for lag in host.lags()] == [True])


@pytest.mark.real
def test_a_killed_service_costs_nothing_and_a_killed_follower_goes_on(
    host: Host, service: LeaseService, east: int, west: int
) -> None:
    """While the service is gone the balancer serves; what is published after its return arrives."""
    host.publish([east])
    eventually(lambda: host.serves() == {"east"})
    service.kill()
    assert host.serves() == {"east"}
    host.follower.kill()
    service.start()
    assert host.publish([west]).returncode == 0
    assert host.serves() == {"east"}
    again = Host(host.directory, service)
    again.port = host.port
    try:
        eventually(lambda: host.serves() == {"west"})
    finally:
        again.stop()


def test_wrong_input_is_told_and_nothing_is_published(tmp_path: Path, service: LeaseService) -> None:
    """A wrong key, a wrong selector, a lost race, a service that is not there."""
    file = tmp_path / "a.cfg"
    file.write_text("x")
    key = service.state / "keys" / "leases.key"
    wrong = tmp_path / "wrong.key"
    wrong.write_text("nonsense")
    wrong.chmod(0o644)

    def publish(*more: str, url: str = service.url, key_file: Path = key) -> tuple[int, str]:
        command = [*PROGRAM, "deliver", "publish", str(file), "--url", url, "--key-file", str(key_file), *more]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in found.stderr
        return found.returncode, found.stderr

    code, said = publish("--to", "all", key_file=wrong)
    assert (code, f"run: chmod 600 {wrong}" in said) == (1, True)
    wrong.chmod(0o600)
    code, said = publish("--to", "all", key_file=wrong)
    assert (code, "status 401: no valid token" in said) == (1, True)
    assert publish("--to", "everybody")[0] == 64
    assert publish("--to", "all", "--as", "../x")[0] == 64
    assert publish("--to", "all", "--expect", "7")[0] == 3
    assert publish("--to", "all")[0] == 0
    code, said = publish("--to", "all", "--expect", "0")
    assert (code, "generation 1 is newer than what you expect" in said) == (3, True)
    assert publish("--to", "all", url=f"http://{HOST}:{free_port()}")[0] == 1
