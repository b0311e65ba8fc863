"""A leader election over a store, flawed and mended; on holdfast's ports, so that every interleaving is searched.

Each candidate takes the lease when the last one has run out, looks whether it still holds, and writes. The flaw is
between the look and the write: whoever is paused there writes into the next leader's term.
"""

from __future__ import annotations

from holdfast import lab
from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.store import Commit, Committed, Compare, Entry, Get, Put


async def candidate(terms: int, fenced: bool) -> None:
    """Stand for election until `terms` terms were held, by anybody."""
    while True:
        lease = await Get("lease")
        if not isinstance(lease, Entry):
            await Idle(Rest.RETRY)
            continue
        if int(lease.value) >= terms:
            return
        if lease.value != b"0" and not await ran_out(lease):
            await Idle(Rest.POLL)
            continue
        mine = str(int(lease.value) + 1)
        took = await Commit(compares=(Compare("lease", lease.revision),), puts=(Put("lease", mine.encode()),))
        if isinstance(took, Committed):
            await lead(mine, took.revision, fenced=fenced)


async def ran_out(lease: Entry) -> bool:
    """Whether this lease has been there, unchanged, for as long as leases last, by the watcher's own clock."""
    timer = f"lease {lease.revision}"
    await Arm(timer, after_s=10)
    return timer in await Fired((timer,))


async def lead(mine: str, revision: int, *, fenced: bool) -> None:
    """One write as the leader."""
    await Arm("my term", after_s=8)
    if "my term" not in await Fired(("my term",)):
        # Checked: still the leader. A pause here may last longer than the lease.
        token = (Compare("lease", revision),) if fenced else ()
        await Commit(compares=token, puts=(Put("data", mine.encode()),))
    await Disarm(("my term",))


def never_goes_back(before: lab.View, after: lab.View) -> str | None:
    """What a later leader wrote is never overwritten by an earlier one."""
    was, now = (int(v.store.get("data") or 0) for v in (before, after))
    return f"the data went from term {was} back to term {now}" if now < was else None


def election(*, candidates: int = 2, terms: int = 2, fenced: bool, faults: int = 0) -> lab.Scenario:
    """The scenario."""
    return lab.scenario(
        f"{'fenced' if fenced else 'unfenced'} election over {terms} terms",
        lab.actors("candidate", candidate, terms, fenced, count=candidates),
        store={"lease": b"0"},
        invariants=[lab.each_step("data never goes back", never_goes_back)],
        faults=faults,
    )
