"""The webhook's HTTP side: ExternalDNS's provider contract on one port, health and metrics on another.

| request               | answers |
|---|---|
| GET /                 | 200 the domain filter: what a cluster may write |
| GET /records          | 200 what was accepted, ownership records among it |
| POST /records         | 204 all of the batch is in the configuration, durably; else nothing of it |
| POST /adjustendpoints | 200 the records in the form in which they are kept |

ExternalDNS takes exactly these codes for success, tries again after 500 to 510, and ends itself at any other. So
what heals by looking again (a stale batch, another cluster's name, a store that is silent) is 503 or 507, and what
no repetition mends is 400 (malformed), 401 (no token), 403 (a token without
`records`), 406 and 415 (another version), 413 (too large), 422 (a
record that can't be kept, which a client that asks /adjustendpoints never sends).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.access.gate import WHO, Gate
from holdfast.access.grants import Role
from holdfast.access.tokens import Token
from holdfast.config import names
from holdfast.externaldns.accepting import Accepted, Unacceptable
from holdfast.externaldns.adjusting import Adjusted, LeftOut, adjust, records
from holdfast.externaldns.contract import (
    BYTES_MAX,
    MEDIA_TYPE,
    Changes,
    DomainFilter,
    Malformed,
    read_changes,
    read_endpoints,
    speaks,
)
from holdfast.externaldns.rules import Served
from holdfast.externaldns.writing import Narrow, Situation, all_of
from holdfast.model.lease_batch import Problem
from holdfast.ports.operation import CouldNotAsk

T = TypeVar("T")
_ENCODER: Final = msgspec.json.Encoder()


class Desk(Protocol):
    """What the HTTP side needs: the store's situation, a batch written, word of what is left out."""

    async def situation(self) -> Situation | CouldNotAsk:
        """Both documents, now."""
        ...

    async def write(self, changes: Changes, narrow: Narrow) -> Accepted | Unacceptable | CouldNotAsk:
        """Take a batch by the rules as `narrow` leaves them, or nothing of it."""
        ...

    def left_out(self, found: tuple[LeftOut, ...]) -> None:
        """Say what a cluster wishes and does not get."""
        ...


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def application(desk: Desk, gate: Gate | None = None) -> Starlette:
    """The provider's routes. With a `gate` every request shows a token, and gets the domains of its `records`."""

    def admit(request: Request) -> Narrow:
        caller = None if gate is None else gate.caller(request.headers.get("authorization", ""))
        if gate is not None and caller is None:
            raise _Refused(401, f"no valid token: {WHO}")
        if not speaks(request.headers.get("accept", ""), wildcards=True):
            raise _Refused(406, f"this provider answers in {MEDIA_TYPE} alone")
        return all_of if caller is None else partial(_narrowed, caller)

    def guarded(
        handle: Callable[[Request, Narrow], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await handle(request, admit(request))
            except _Refused as refused:
                return _problem(refused.status, str(refused))
            except Malformed as error:
                return _problem(400, str(error))
            except ClientDisconnect:
                return Response(status_code=499)

        return endpoint

    async def negotiate(request: Request, narrow: Narrow) -> Response:
        rules = narrow(_there(await desk.situation()).rules)
        domains, held = rules.policy.domains, tuple(sorted(rules.held))
        return _said(DomainFilter(include=domains, exclude=held, filters=domains))

    async def get_records(request: Request, narrow: Narrow) -> Response:
        found = _there(await desk.situation())
        return _said(records(found.document, narrow(found.rules)))

    async def apply_changes(request: Request, narrow: Narrow) -> Response:
        changes = read_changes(await _body(request))
        result = await desk.write(changes, narrow)
        if isinstance(result, Unacceptable):
            raise _Refused(503 if result.retry else 422, result.text)
        _there(result)
        return Response(status_code=204, headers={"Vary": "Content-Type"})

    async def adjust_endpoints(request: Request, narrow: Narrow) -> Response:
        wished = read_endpoints(await _body(request))
        found = _there(await desk.situation())
        adjusted: Adjusted = adjust(wished, found.document, narrow(found.rules))
        desk.left_out(adjusted.left_out)
        return _said(adjusted.endpoints)

    return Starlette(
        routes=[
            Route("/", guarded(negotiate), methods=["GET"]),
            Route("/records", guarded(get_records), methods=["GET"]),
            Route("/records", guarded(apply_changes), methods=["POST"]),
            Route("/adjustendpoints", guarded(adjust_endpoints), methods=["POST"]),
        ]
    )


def _narrowed(caller: Token, rules: Served) -> Served:
    """The rules over the domains that a token's `records` grants cover."""
    domains: set[str] = set()
    for domain in rules.policy.domains:
        if caller.may(Role.RECORDS, domain):
            domains.add(domain)
        else:
            subjects = (grant.subject for grant in caller.grants if grant.role is Role.RECORDS)
            domains.update(subject for subject in subjects if names.within(subject, domain))
    if not domains:
        raise _Refused(403, caller.refusal(Role.RECORDS, rules.policy.domains[0]))
    policy = msgspec.structs.replace(rules.policy, domains=tuple(sorted(domains)))
    return msgspec.structs.replace(rules, policy=policy)


def status_application(registry: CollectorRegistry, gate: Gate | None = None) -> Starlette:
    """`/healthz` for everybody; `/metrics` for tokens that may read them where there are tokens."""

    async def alive(request: Request) -> Response:
        return Response(b"ok\n", media_type="text/plain")

    async def metrics(request: Request) -> Response:
        caller = None if gate is None else gate.caller(request.headers.get("authorization", ""))
        if gate is not None and (caller is None or not caller.may(Role.READ, "metrics")):
            return _problem(401, f"no token for metrics: {WHO}")
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/healthz", alive), Route("/metrics", metrics)])


def _there(found: T | CouldNotAsk) -> T:
    if isinstance(found, CouldNotAsk):
        raise _Refused(503, found.reason)
    return found


async def _body(request: Request) -> bytes:
    if not speaks(request.headers.get("content-type", ""), wildcards=False):
        raise _Refused(415, f"this provider reads {MEDIA_TYPE} alone")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BYTES_MAX:
            raise _Refused(413, f"more than {BYTES_MAX} bytes")
    return bytes(body)


def _said(value: Any) -> Response:
    # Vary as ExternalDNS before 0.15 demands it, to the letter.
    headers = {"Content-Type": MEDIA_TYPE, "Vary": "Content-Type"}
    return Response(_ENCODER.encode(value), headers=headers)


def _problem(status: int, text: str) -> Response:
    return Response(_ENCODER.encode(Problem(text)), status_code=status, media_type="application/json")
