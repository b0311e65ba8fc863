"""The lease service's HTTP side: authenticated, batched calls to the inbox of its loop (`model.lease_batch`).

Configuration for hosts (`model.delivery`) comes by the same door: the same hosts ask, with the same key.

A token is asked for on every path but `/healthz`, for writes and for reads: who holds what is nobody's business
either. Which token may do what is decided in `permits`.
"""

from __future__ import annotations

import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from holdfast.access.gate import WHO, Gate
from holdfast.access.tokens import Token
from holdfast.model import delivery
from holdfast.model.lease import Ask, Invalid, Listing, Result, TryLater
from holdfast.model.lease_batch import BYTES_MAX, CALLS_MAX, PATH, TIMEOUT_MAX_S, Problem, Request, Response
from holdfast.runtime.delivery import DeliveryInbox
from holdfast.runtime.leases import LeaseInbox
from holdfast.service.leases.permits import delivery_refusal, lease_refusal
from holdfast.service.listening import serving

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Request)
_DELIVERY: Final = msgspec.json.Decoder(delivery.Request)
WATCH_S: Final = 30.0
FORBIDDEN_AGAIN_S: Final = 30.0
"""When a call that its token does not cover is to be tried again: grants may be mended meanwhile."""


class _Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Application:
    """Lease calls come by the thousand: past the layers of routing, which take as long as such a call itself."""

    def __init__(self, routed: Starlette, calls: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> None:
        self._routed, self._calls = routed, calls
        self.routes = routed.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            reply = await self._calls(HttpRequest(scope, receive))
            await reply(scope, receive, send)
        else:
            await self._routed(scope, receive, send)


def application(inbox: LeaseInbox, gate: Gate, deliveries: DeliveryInbox | None = None) -> Application:
    """The ASGI application. Callers show a token that `gate` knows as `Authorization: Bearer <token>`."""

    def admit(request: HttpRequest) -> Token:
        caller = gate.caller(request.headers.get("authorization", ""))
        if caller is None:
            raise _Refused(401, f"no valid token: {WHO}")
        return caller

    async def calls(request: HttpRequest) -> HttpResponse:
        try:
            caller = admit(request)
            asked = _request(await _body(request))
            refusals = [lease_refusal(caller, ask) for ask in asked.calls]
            if refusals and all(refusals):
                raise _Refused(403, refusals[0])
        except _Refused as refused:
            return _problem(refused)
        except ClientDisconnect:
            return HttpResponse(status_code=499)
        return _json(Response(await _permitted(inbox, asked, refusals)))

    async def members(request: HttpRequest) -> HttpResponse:
        try:
            caller = admit(request)
            ask, timeout_s = _listing(request)
            _demand(lease_refusal(caller, ask))
        except _Refused as refused:
            return _problem(refused)
        result = await inbox.call(ask, timeout_s=timeout_s)
        if isinstance(result, Invalid):
            return _problem(_Refused(400, result.why))
        return _json(result)

    async def configuration(request: HttpRequest) -> HttpResponse:
        try:
            caller = admit(request)
            asked = _delivery(await _body(request))
            _demand(delivery_refusal(caller, asked.ask))
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
    return Application(Starlette(routes=routes), calls)


async def _permitted(inbox: LeaseInbox, asked: Request, refusals: list[str]) -> tuple[Result, ...]:
    """Results of the calls that are permitted; the others wait, and don't take those beside them down."""
    permitted: list[Ask] = [ask for ask, why in zip(asked.calls, refusals, strict=True) if not why]
    results = iter(await inbox.calls(permitted, timeout_s=asked.timeout_s))
    return tuple(TryLater(FORBIDDEN_AGAIN_S, why) if why else next(results) for why in refusals)


def _demand(refusal: str) -> None:
    if refusal:
        raise _Refused(403, refusal)


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused(400, f"not a batch of lease calls: {error}") from error
    if len(asked.calls) > CALLS_MAX:
        raise _Refused(413, f"{len(asked.calls)} calls in a message, {CALLS_MAX} allowed")
    _check_timeout(asked.timeout_s)
    return asked


def _delivery(body: bytes) -> delivery.Request:
    try:
        asked = _DELIVERY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused(400, f"not a call about configuration: {error}") from error
    if not (math.isfinite(asked.timeout_s) and 0 < asked.timeout_s <= delivery.TIMEOUT_MAX_S):
        raise _Refused(400, f"timeout_s is above 0 and up to {delivery.TIMEOUT_MAX_S:g}, not {asked.timeout_s:g}")
    return asked


def _listing(request: HttpRequest) -> tuple[Listing, float]:
    query = request.query_params
    left = query.get("left", "0") == "1"
    try:
        after, timeout_s = int(query.get("after", "0")), float(query.get("timeout_s", WATCH_S))
    except ValueError as error:
        raise _Refused(400, f"`after` is a revision and `timeout_s` a number of seconds: {error}") from error
    _check_timeout(timeout_s)
    return Listing(request.path_params["role"], after, left), timeout_s


def _check_timeout(timeout_s: float) -> None:
    if not (math.isfinite(timeout_s) and 0 < timeout_s <= TIMEOUT_MAX_S):
        raise _Refused(400, f"timeout_s is above 0 and up to {TIMEOUT_MAX_S:g}, not {timeout_s:g}")


def _json(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(_ENCODER.encode(value), status_code=status, media_type="application/json")


def _problem(refused: _Refused) -> HttpResponse:
    return _json(Problem(str(refused)), refused.status)


@asynccontextmanager
async def serve_leases(
    inbox: LeaseInbox,
    sock: socket.socket,
    gate: Gate,
    *,
    deliveries: DeliveryInbox | None = None,
    tls_cert: str = "",
    tls_key: str = "",
) -> AsyncIterator[None]:
    """Answer HTTP on a listening socket as long as the context lasts; then answer what waits, and close."""

    async def answer_waiting() -> None:
        if deliveries is not None:
            deliveries.close()
        await inbox.close()

    app = application(inbox, gate, deliveries)
    async with serving(app, sock, "leases-http", tls_cert=tls_cert, tls_key=tls_key, before_end=answer_waiting):
        yield
