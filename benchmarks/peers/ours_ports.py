"""holdfast.lab on the ports: the specimen itself, and a mended one."""

from __future__ import annotations

from holdfast.lab.actor import Actor
from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.sampling import sample
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.specimens import october as specimen
from holdfast.lab.system import Scenario, System
from holdfast.lab.tape import replay
from holdfast.model.records import RRset
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import (
    Ask,
    DeleteRRset,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    SetRRset,
    Transfer,
    Update,
)
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Entry, Get
from october import FULL, KEEP, SMALL, Size
from rows import RATE_S, TRIAL_S, found, over_seeds, proved, rate, timed

PEER = "holdfast.lab, ports"
ZONE = specimen.ZONE


async def mended_enactor(endpoints: tuple[str, ...], rounds: int) -> None:
    """As the specimen's, with the two steps that it lacks."""
    applied, rested = 1, 0
    while True:
        newest = await Get(specimen.NEWEST)
        if not isinstance(newest, Entry) or int(newest.value) <= applied:
            rested += 1
            if rested == rounds:
                return
            await Idle(Rest.POLL)
            continue
        plan = int(newest.value)
        for endpoint in endpoints:
            while not await _point(endpoint, plan):
                rested += 1
                if rested == rounds:
                    return
                await Idle(Rest.TURN)
        await _clean_up(plan)
        applied = plan
        await Idle(Rest.POLL)


async def _point(endpoint: str, plan: int) -> bool:
    name, target = specimen.owner(endpoint), specimen.target(plan, endpoint)
    lock = await Ask(ZONE, f"lock.{name}", "TXT")
    now = await Ask(ZONE, name, "CNAME")
    if isinstance(lock, CouldNotAsk) or isinstance(now, CouldNotAsk) or lock.rrset is None or now.rrset is None:
        return False
    before = now.rrset.rdatas[0]
    if plan < specimen.plan_of(before):
        return True
    mine = RRset(f"lock.{name}", "TXT", 30, (f'"{plan}"',))
    prerequisites = (
        Prerequisite(Existence.RRSET_IS, mine.name, "TXT", lock.rrset.rdatas),
        Prerequisite(Existence.RRSET_IS, name, "CNAME", now.rrset.rdatas),
        Prerequisite(Existence.NAME_IN_USE, before),
        Prerequisite(Existence.NAME_IN_USE, target),
    )
    batch = (DeleteRRset(mine.name, "TXT"), SetRRset(mine), SetRRset(RRset(name, "CNAME", 30, (target,))))
    response = await Update(ZONE, prerequisites, batch)
    return isinstance(response, Response) and response.rcode is Rcode.NOERROR


async def _clean_up(plan: int) -> None:
    content = await Transfer(ZONE)
    if isinstance(content, CouldNotAsk):
        return
    aliases = tuple(r for r in content.rrsets if r.rtype == "CNAME" and not r.name.startswith("rb."))
    used = {r.rdatas[0] for r in aliases}
    names = (r.name for r in content.rrsets if 0 < specimen.plan_of(r.name) <= plan - KEEP)
    old = tuple(name for name in names if name not in used)
    if old:
        unchanged = tuple(Prerequisite(Existence.RRSET_IS, r.name, "CNAME", r.rdatas) for r in aliases)
        await Update(ZONE, unchanged, tuple(DeleteRRset(name, "A") for name in old))


def mended(size: Size) -> System:
    """The specimen's scenario with the mended enactors."""
    names = tuple(f"ep{i}" for i in range(1, size.endpoints + 1))
    before = specimen.scenario(**size._asdict())
    planner, *enactors = before.actors
    after = (Actor(a.name, a.kind, lambda: mended_enactor(names, size.rounds)) for a in enactors)
    return System(
        Scenario(
            name="october-mended",
            bounds=before.bounds,
            actors=(planner, *after),
            store=before.store,
            zones=before.zones,
            invariants=before.invariants,
        )
    )


def flawed() -> System:
    """The specimen, freshly compiled: nothing is learned from an earlier trial."""
    return System(specimen.scenario(**FULL._asdict()))


def main() -> None:
    """Sampling over seeds, the shortest witness, and the proof of the mended."""
    outcomes: list[Outcome] = []

    def sampled(seed: int) -> tuple[bool, int]:
        outcomes.append(sample(flawed(), seed=seed, seconds=TRIAL_S))
        return _count(outcomes[-1])

    trials = over_seeds(sampled)
    left = []
    for outcome in outcomes[:5]:
        assert outcome.found is not None
        small, _ = shrink(flawed(), outcome.found)
        left.append((preemptions(flawed(), small.choices), len(small.choices)))
    found(
        PEER,
        "sample",
        trials,
        shrinks=f"{max(p for p, _ in left)} preemptions at most, {max(n for _, n in left)} steps",
        replays=_replays(small.choices, small.broken),
        note="tables learned anew for each trial",
    )
    ended: list[Outcome] = []

    def exhaustive() -> tuple[bool, int]:
        ended.append(search(flawed()))
        return _count(ended[-1])

    trials = [timed(exhaustive) for _ in range(3)]
    witness = ended[0].found
    assert witness is not None
    shortest = f"the shortest, {len(witness.choices)} steps"
    replays = _replays(witness.choices, witness.broken)
    found(PEER, "exhaustive", trials, units="states", shrinks=shortest, replays=replays)
    system = mended(FULL)
    sample(system, seconds=RATE_S)  # once the tables are learned
    rate(PEER, "sample", timed(lambda: _count(sample(system, seed=1, seconds=RATE_S))))

    def prove() -> tuple[bool, int]:
        ended.append(search(mended(SMALL), limits=Limits(seconds=6 * TRIAL_S)))
        return _count(ended[-1])

    trial = timed(prove)
    rate(PEER, "exhaustive", trial, units="states")
    proved(PEER, "exhaustive", done=ended[-1].complete and not trial.found, trial=trial, units="states")


def _replays(choices: tuple[int, ...], broken: str) -> str:
    """On freshly compiled systems, and on the real coroutines."""
    runs = [replay(flawed(), choices) for _ in range(10)]
    return f"{sum(r.broken == broken and r.trace == runs[0].trace for r in runs)} of 10"


def _count(outcome: Outcome) -> tuple[bool, int]:
    return outcome.found is not None, outcome.count


if __name__ == "__main__":
    main()
