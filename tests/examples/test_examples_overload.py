"""The example that mends a naive service: over real sockets, both at once."""

from __future__ import annotations

import asyncio

import pytest

from job_service import CLIENTS, Mended, Naive, run


async def test_a_stall_ends_the_naive_service_and_not_the_mended_one(caplog: pytest.LogCaptureFixture) -> None:
    """72 % load, a stall of two seconds: the naive one does nothing useful any more, the mended one all of it."""
    naive, mended = await asyncio.gather(run(Naive()), run(Mended()))
    print(naive, mended)
    assert naive.before > 0.6 * CLIENTS
    assert mended.before > 0.6 * CLIENTS
    assert naive.after < 0.2 * CLIENTS
    assert mended.after > 0.6 * CLIENTS
    assert naive.requests > 1.5 * CLIENTS, "its clients ask twice as often, for nothing"
    assert not caplog.records, "nothing is left over that asyncio complains of"
