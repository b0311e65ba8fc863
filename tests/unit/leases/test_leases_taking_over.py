"""Taking the leases over from a store that does not answer."""

from __future__ import annotations

from typing import Any

from holdfast.leases.law import LeaseSettings
from holdfast.leases.loop import lease_loop
from holdfast.ports.events import Emit
from holdfast.ports.leases import Inbound, NextInbound
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Get


def test_a_store_that_stays_out_is_told_once() -> None:
    """One line when it begins to wait, and one for each other reason: not one a second."""
    loop = lease_loop("shop", LeaseSettings())
    reasons = iter(["the store is out"] * 30 + ["the store is locked"] * 30 + ["the store is out"])
    said: list[str] = []
    op: Any = loop.send(None)
    try:
        while True:
            match op:
                case NextInbound():
                    op = loop.send(Inbound(now_s=1.0, idle_s=1.0, chance=0.5))
                case Get():
                    op = loop.send(CouldNotAsk(next(reasons)))
                case Emit():
                    said.append(op.event.text)
                    op = loop.send(None)
                case _:
                    raise AssertionError(op)
    except StopIteration:
        loop.close()
    out, locked = (f"can't take the leases over yet: the store is {what}" for what in ("out", "locked"))
    assert said == [out, locked, out]
