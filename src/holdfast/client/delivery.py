"""Calls about configuration over HTTP. Never raises for what the outside does, but `NotServed`."""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.client.http import LeaseHttp, Rejected
from holdfast.model.delivery import PATH, Ask, Request, Result

_ENCODER: Final = msgspec.json.Encoder()
_RESULT: Final[msgspec.json.Decoder[Result]] = msgspec.json.Decoder(Result)


async def ask(service: LeaseHttp, call: Ask, *, timeout_s: float = 30.0) -> Result:
    """One call to a service.

    Raises:
        NotServed: there is no answer; Rejected: there never will be one for us.
    """
    reply = await service.send("POST", PATH, timeout_s, content=_ENCODER.encode(Request(call, timeout_s)))
    try:
        return _RESULT.decode(reply)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(f"this is no service of configuration: {error}") from error
