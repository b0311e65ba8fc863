"""Design decision 4: several enactors on a provider that can't fence are refused at start, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.ports.provider import Capabilities, Fencing


def refuse_enactors(capabilities: Mapping[str, Capabilities], enactors: tuple[str, ...]) -> tuple[str, ...]:
    """Why these enactors may not run together on these zones; empty if they may."""
    if len(enactors) < 2:
        return ()
    return tuple(
        f"zone {zone}: its provider has no conditional write (fencing none), so {len(enactors)} enactors"
        f" ({', '.join(enactors)}) could undo each other; run one: enactors = 1"
        for zone, capability in sorted(capabilities.items())
        if capability.fencing is Fencing.NONE
    )
