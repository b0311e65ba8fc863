"""`/metrics` over HTTP: read only, on loopback unless told otherwise, with TLS and tokens if they are set up."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from holdfast.access.gate import WHO, Gate
from holdfast.access.grants import Role

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from holdfast.events.metrics import Metrics

SUBJECT = "metrics"


class CannotServe(Exception):
    """The address can't be served on; the text says which, and why."""


class MetricsServer:
    """A running `/metrics` end point."""

    def __init__(self, metrics: Metrics, address: str, port: int, gate: Gate | None, tls: tuple[str, str]) -> None:
        made = make_wsgi_app(metrics.registry)
        application = made if gate is None else _guarded(made, gate)
        try:
            kind = _Server6 if ":" in address else _Server
            self._server = make_server(address, port, application, kind, _Quiet)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotServe(
                f"metrics can't be served on {address}:{port}: {reason}; choose another port"
            ) from error
        if tls[0]:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
            # The handshake in the connection's own thread: a caller that never speaks must not stop the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5.0)


def serve_metrics(
    metrics: Metrics,
    *,
    address: str = "127.0.0.1",
    port: int,
    gate: Gate | None = None,
    tls: tuple[str, str] = ("", ""),
) -> MetricsServer:
    """Serve metrics on `address` (loopback unless told otherwise) and `port` (0: any free one, see `.port`).

    With a `gate`, callers need a token with `read`. `tls` are the paths of certificate and key; both empty: none.

    Raises:
        CannotServe: when the port is taken, with what to do.
    """
    return MetricsServer(metrics, address, port, gate, tls)


def _guarded(application: WSGIApplication, gate: Gate) -> WSGIApplication:
    def guarded(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        caller = gate.caller(str(environ.get("HTTP_AUTHORIZATION", "")))
        if caller is None:
            return _refuse(start, HTTPStatus.UNAUTHORIZED, f"no valid token: {WHO}")
        refusal = caller.refusal(Role.READ, SUBJECT)
        return _refuse(start, HTTPStatus.FORBIDDEN, refusal) if refusal else application(environ, start)

    return guarded


def _refuse(start: StartResponse, status: HTTPStatus, text: str) -> Iterable[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")])
    return (f"{text}\n".encode(),)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that breaks off, or speaks no TLS, is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10.0

    def log_message(self, *args: object) -> None:
        """Nothing: scrapes are no news."""
