"""The lease service's HTTP side: authenticated, batched calls to the inbox of its loop (`model.lease_batch`).

Configuration for hosts (`model.delivery`) comes by the same door: the same hosts ask, with the same key.

A bearer key is asked for on every path but `/healthz`, for writes and for reads: who holds what is nobody's
business either. The key lies in a file of the service's machine, made at first start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from holdfast.model import delivery
from holdfast.model.lease import Invalid, Listing
from holdfast.model.lease_batch import BYTES_MAX, CALLS_MAX, PATH, TIMEOUT_MAX_S, Problem, Request, Response
from holdfast.runtime.delivery import DeliveryInbox
from holdfast.runtime.leases import LeaseInbox

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Request)
_DELIVERY: Final = msgspec.json.Decoder(delivery.Request)
WATCH_S: Final = 30.0
GRACE_S: Final = 5
"""How long open connections may take to end when the service stops."""


class CannotListen(OSError):
    """The address can't be listened on; the text says which and why."""


class _Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


def application(inbox: LeaseInbox, key: str, deliveries: DeliveryInbox | None = None) -> Starlette:
    """The ASGI application. `key` is what callers show as `Authorization: Bearer <key>`."""
    wanted = b"Bearer " + key.encode()

    def admit(request: HttpRequest) -> None:
        shown = request.headers.get("authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(shown, wanted):
            raise _Refused(401, "no valid key: send the service's key as `Authorization: Bearer <key>`")

    async def calls(request: HttpRequest) -> HttpResponse:
        try:
            admit(request)
            asked = _request(await _body(request))
        except _Refused as refused:
            return _problem(refused)
        except ClientDisconnect:
            return HttpResponse(status_code=499)
        results = await inbox.calls(asked.calls, timeout_s=asked.timeout_s)
        return _json(Response(tuple(results)))

    async def members(request: HttpRequest) -> HttpResponse:
        try:
            admit(request)
            ask, timeout_s = _listing(request)
        except _Refused as refused:
            return _problem(refused)
        result = await inbox.call(ask, timeout_s=timeout_s)
        if isinstance(result, Invalid):
            return _problem(_Refused(400, result.why))
        return _json(result)

    async def configuration(request: HttpRequest) -> HttpResponse:
        try:
            admit(request)
            asked = _delivery(await _body(request))
        except _Refused as refused:
            return _problem(refused)
        except ClientDisconnect:
            return HttpResponse(status_code=499)
        assert deliveries is not None, "the route is there only with it"
        return _json(await deliveries.call(asked.ask, timeout_s=asked.timeout_s))

    async def alive(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"ok\n", media_type="text/plain")

    routes = [
        Route(PATH, calls, methods=["POST"]),
        Route(PATH + "/{role}", members, methods=["GET"]),
        Route("/healthz", alive, methods=["GET"]),
    ]
    if deliveries is not None:
        routes.append(Route(delivery.PATH, configuration, methods=["POST"]))
    return Starlette(routes=routes)


async def _body(request: HttpRequest) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BYTES_MAX:
            raise _Refused(413, f"more than {BYTES_MAX} bytes: send fewer calls in a message")
    return bytes(body)


def _request(body: bytes) -> Request:
    try:
        asked = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(400, f"not a batch of lease calls: {error}") from error
    if len(asked.calls) > CALLS_MAX:
        raise _Refused(413, f"{len(asked.calls)} calls in a message, {CALLS_MAX} allowed")
    _check_timeout(asked.timeout_s)
    return asked


def _delivery(body: bytes) -> delivery.Request:
    try:
        asked = _DELIVERY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Refused(400, f"not a call about configuration: {error}") from error
    if not (math.isfinite(asked.timeout_s) and 0 < asked.timeout_s <= delivery.TIMEOUT_MAX_S):
        raise _Refused(400, f"timeout_s is above 0 and up to {delivery.TIMEOUT_MAX_S:g}, not {asked.timeout_s:g}")
    return asked


def _listing(request: HttpRequest) -> tuple[Listing, float]:
    query = request.query_params
    try:
        after, timeout_s = int(query.get("after", "0")), float(query.get("timeout_s", WATCH_S))
    except ValueError as error:
        raise _Refused(400, f"`after` is a revision and `timeout_s` a number of seconds: {error}") from error
    _check_timeout(timeout_s)
    return Listing(request.path_params["role"], after), timeout_s


def _check_timeout(timeout_s: float) -> None:
    if not (math.isfinite(timeout_s) and 0 < timeout_s <= TIMEOUT_MAX_S):
        raise _Refused(400, f"timeout_s is above 0 and up to {TIMEOUT_MAX_S:g}, not {timeout_s:g}")


def _json(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(_ENCODER.encode(value), status_code=status, media_type="application/json")


def _problem(refused: _Refused) -> HttpResponse:
    return _json(Problem(str(refused)), refused.status)


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
async def serve_leases(
    inbox: LeaseInbox,
    sock: socket.socket,
    key: str,
    *,
    deliveries: DeliveryInbox | None = None,
    tls_cert: str = "",
    tls_key: str = "",
) -> AsyncIterator[None]:
    """Answer HTTP on a listening socket as long as the context lasts; then answer what waits, and close."""
    config = uvicorn.Config(
        application(inbox, key, deliveries),
        log_config=None,
        access_log=False,
        lifespan="off",
        http="httptools",
        ws="none",
        loop="none",
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=tls_cert or None,
        ssl_keyfile=tls_key or None,
        server_header=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]), name="leases-http")
    try:
        yield
    finally:
        server.should_exit = True
        if deliveries is not None:
            deliveries.close()
        await inbox.close()
        await task
