"""Thread-modular proof: for *any number* of interchangeable actors and *any number* of faults.

Instead of all actors at once, the search keeps pairs (shared world, one actor): which local states may meet which
world. What any actor may do to a world, every other may find done (Flanagan and Qadeer, "Thread-modular model
checking", 2003). This forgets which local states occur *together*, so it reaches more than can happen: "proved" is
a proof, for one enactor or a hundred, with crashes, lost, delayed, duplicated, reordered and refused messages
without limit, each message in flight deliverable for ever; "not proved" is only a suspicion, to be
confirmed by an engine that finds runs.

The other actors (publisher, the person who freezes) and the data of zones and store are part of the world, as
exact as everywhere; they too suffer any number of faults, unless they are environment. What is bounded is said in
the outcome's sentence: disasters, each of which makes new worlds, and how often a document is written that nothing
guards (a publisher that restarts writes a plan's chunks again, for ever if it likes).

*No wedge* is proved alike, by more than is needed: from every pair that was reached, that one actor alone, with
the publisher and people but with all its fellows paused for ever and nothing going wrong, can bring the world to a
converged state (`engines.solo`). What one can do alone, it can do in company.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.crowd import Bounds, Crowd
from holdfast.lab.engines.dpor import UnsupportedFaultError
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.engines.solo import stranded
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault

BOUNDS = Bounds()


def prove(
    system: System,
    *,
    crowd: str,
    seconds: float = 600.0,
    spare: int | None = None,
    disasters: int = 0,
    bounds: Bounds = BOUNDS,
    wedge: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Prove the invariants for any number of actors of kind `crowd`, any number of faults, and `disasters`.

    With `spare`, for at most that many faults upon each of them (and so upon all together, for smaller numbers).
    The scenario has one such actor (more change nothing), and its faults say which kinds may happen. `bounds` are
    for what nothing in the design ends; the sentence says them where they cut something off. With `wedge`, also
    that each of the crowd alone can always come to converge.

    Raises:
        UnsupportedFaultError: the scenario has faults that strike one actor alone, and for a time.
    """
    other = system.scenario.faults.kinds & {Fault.PARTITION, Fault.DISK_LOST, Fault.DISK_FULL}
    if other:
        named = ", ".join(sorted(k.value for k in other))
        raise UnsupportedFaultError(f"the thread-modular engine has no {named}: use the exhaustive engine")
    begun = time.perf_counter()
    members = frozenset(i for i, a in enumerate(system.actors) if a.kind == crowd)
    assert not members & system.observed, "an invariant looks at one of the crowd: who of any number?"
    search = Crowd(system, min(members), members, spare, bounds)
    search.begin(disasters)
    with no_collection():
        complete = search.run(begun + seconds, on_progress)
        if wedge and complete and not search.broken:
            search.broken = stranded(search)
            if search.broken and search.cut:
                search.broken += f" (or only beyond what was cut off: {', '.join(sorted(search.cut))})"
    found = Found(search.broken, (), suspected=True) if search.broken else None
    return Outcome(
        engine="thread-modular",
        bounds=_bounds(search, crowd, spare, disasters, wedge=wedge),
        units="pairs",
        count=search.count,
        steps=search.steps,
        seconds=time.perf_counter() - begun,
        complete=complete and found is None,
        found=found,
    )


def _bounds(search: Crowd, crowd: str, spare: int | None, disasters: int, *, wedge: bool) -> str:
    scenario = search.system.scenario
    kinds = ", ".join(sorted(k.value for k in scenario.faults.kinds if k is not Fault.DISASTER))
    number = "any number of" if spare is None else f"{spare} for each and in all any number of"
    cut = "".join(f", {bound}" for bound in sorted(search.cut))
    return (
        f"{scenario.name}: {scenario.crowded or scenario.bounds}, any number of {crowd}s, {number} faults"
        f" ({kinds}), any number of messages in flight{cut}, {disasters} disasters"
        f"{', and each alone can always converge' if wedge else '; safety only'}"
    )
