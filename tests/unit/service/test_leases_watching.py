"""`leases watch`: a role's leases as they change."""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.client.client import LeaseClient
from holdfast.client.http import LeaseHttp
from holdfast.model.lease import Lease, Place
from holdfast.service.leases.watching import changes, watch_role
from service_here import KEY, serving
from service_here import Place as Here


def test_a_line_for_each_that_came_is_another_or_has_gone() -> None:
    """What stayed as it was is not said again."""
    same, left = Lease("api", "same", "a", 1), Lease("api", "left", "a", 2)
    old, new = Lease("api", "moved", "a", 3), Lease("api", "moved", "b", 4, Place(80, "192.0.2.1", ready=False))
    came = Lease("api", "came", "c", 5)
    found = changes({x.key: x for x in (same, left, old)}, {x.key: x for x in (same, new, came)})
    lines = [str(changed) for changed in found]
    assert [line.split()[:2] for line in lines] == [["+", "api/came"], ["-", "api/left"], ["~", "api/moved"]]
    assert lines[2].endswith("token 4  192.0.2.1 port 80, not ready")
    assert [(changed.change, changed.lease) for changed in found] == [
        ("came", came),
        ("gone", left),
        ("changed", new),
    ]


async def test_it_follows_a_service_that_comes_later(tmp_path: Path) -> None:
    """No answer is said once; then who holds what, and who gave it back."""
    here = Here(tmp_path)
    lines: asyncio.Queue[str] = asyncio.Queue()

    async def heard(word: str) -> None:
        async with asyncio.timeout(20):
            while word not in await lines.get():
                pass

    async with LeaseHttp(here.url, KEY) as service:
        watching = asyncio.create_task(
            watch_role(service, "api", lambda c: lines.put_nowait(str(c)), lines.put_nowait)
        )
        await heard("no answer: ConnectError")
        async with serving(here):
            await heard("answers again")
            async with LeaseClient(here.url, KEY) as client:
                await client.hold("api", "n").held()
                await heard("+ api/n")
            await heard("- api/n")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
