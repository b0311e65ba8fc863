"""Lease calls as they go over the wire: many in one message, answered in order.

    POST /v1/leases   {"timeout_s": 10, "calls": [{"call": "renew", "role": "api", ...}, ...]}
                      {"results": [{"result": "granted", "token": ..., "ttl_s": 180, "renewed": true}, ...]}
    GET  /v1/leases/<role>?after=<revision>&timeout_s=30      one `Members`, when it is another than `after`

Tokens are integers of up to 63 bits: a reader that keeps numbers as doubles (JavaScript) must read them as text.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.model.lease import Ask, Result

CALLS_MAX: Final = 1000
"""Calls in one message."""
BYTES_MAX: Final = 1024 * 1024
TIMEOUT_MAX_S: Final = 120.0
PATH: Final = "/v1/leases"


class Request(msgspec.Struct, frozen=True):
    """Calls; after `timeout_s` from when they came in their caller has gone."""

    calls: tuple[Ask, ...]
    timeout_s: float = 10.0


class Response(msgspec.Struct, frozen=True):
    """A result for each call, in order."""

    results: tuple[Result, ...]


class Problem(msgspec.Struct, frozen=True):
    """What was wrong with a message as a whole, with the HTTP status that says so too."""

    error: str
