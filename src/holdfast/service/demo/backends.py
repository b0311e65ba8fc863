"""Four real HTTP backends on loopback, each a process of its own, so that stopping one is a real death.

Each writes its process id beside the quickstart's state; `holdfast demo stop` and `start` find it there.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec


class Backend(msgspec.Struct, frozen=True):
    """One backend of the demo and where its process id is kept."""

    address: str
    port: int
    directory: Path

    @property
    def pid_file(self) -> Path:
        """Where the running process id stands."""
        return self.directory / f"{self.address}.pid"

    def pid(self) -> int | None:
        """The process id if the backend runs."""
        try:
            pid = int(self.pid_file.read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        # A process id may have been given to somebody else meanwhile: only ours carries the marker.
        return pid if _is_backend(pid, self.address) else None


def _is_backend(pid: int, address: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True  # no /proc here: trust the file
    return b"holdfast.service.demo.backends" in command and address.encode() in command


def occupied(address: str, port: int) -> str | None:
    """Why the address can't be listened on, or None."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def start(backend: Backend, wait_s: float = 5.0) -> str | None:
    """Start a backend and wait until it answers; the reason if it can't be."""
    if backend.pid() is not None:
        return None
    reason = occupied(backend.address, backend.port)
    if reason is not None:
        return (
            f"cannot listen on {backend.address} port {backend.port} ({reason}). Free the port"
            f" (`ss -ltnp 'sport = :{backend.port}'` shows who has it), or change the port in the file."
        )
    backend.directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(  # noqa: S603  our own module, with our own arguments
        [sys.executable, "-m", "holdfast.service.demo.backends", backend.address, str(backend.port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    backend.pid_file.write_text(str(process.pid))
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((backend.address, backend.port), 0.2):
            return None
        if process.poll() is not None:
            return f"the backend {backend.address}:{backend.port} ended at once (exit {process.returncode})"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
    return f"the backend {backend.address}:{backend.port} does not answer after {wait_s:g} s"


def stop(backend: Backend) -> bool:
    """Stop a backend; False if it was not running."""
    pid = backend.pid()
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, 0)
    backend.pid_file.unlink(missing_ok=True)
    return True


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with who it is."""

    server_version = "holdfast-demo"

    def do_GET(self) -> None:
        host, port = self.connection.getsockname()[:2]
        body = f"I am {host}:{port}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing: probes come every second."""


def serve(address: str, port: int) -> None:
    """Serve until killed."""
    http.server.ThreadingHTTPServer((address, port), _Handler).serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
