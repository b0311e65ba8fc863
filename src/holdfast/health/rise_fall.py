"""Rise and fall: one prober's view of one target, as a value and a step.

    PENDING --rise oks--> UP --fall failures--> DOWN --rise oks--> UP
    PENDING --fall failures--> DOWN

`run` counts consecutive results against the present state and is forgotten by the first result for it; in
PENDING it counts oks upward and failures downward. It never passes rise or fall, and an unchanged situation
steps to the very same object: a prober whose targets are well has the same state after each round.

A *flap* is a fall, UP to DOWN. Recovering is none: otherwise the first recovery of a target that has failed
once would already be held down. The window in which flaps count is a named timer of the loop, not a time here.
"""

from __future__ import annotations

import msgspec

from holdfast.model.observation import TargetState

FLAPS_MAX = 99
"""Flaps saturate: hold-down has long reached its cap."""

NOT_KNOWN = "not probed often enough yet"


class Track(msgspec.Struct, frozen=True):
    """What a prober remembers of one target.

    `reason` is that of the result which brought the present state. `recent` marks a target that began to fail
    in the present run of failures: what `trust` counts together. What fails from the start counts too: a
    prober that starts behind a broken link sees its targets fail together like any other.
    """

    state: TargetState = TargetState.PENDING
    run: int = 0
    flaps: int = 0
    reason: str = NOT_KNOWN
    recent: bool = False


NEW = Track()


def step(track: Track, *, ok: bool, reason: str, rise: int, fall: int) -> Track:
    """The view after one more result; the same object if nothing changed."""
    match track.state:
        case TargetState.PENDING:
            return _step_pending(track, ok=ok, reason=reason, rise=rise, fall=fall)
        case TargetState.UP:
            if ok:
                return track if track.run == 0 else msgspec.structs.replace(track, run=0, recent=False)
            if track.run + 1 < fall:
                return msgspec.structs.replace(track, run=track.run + 1, recent=True)
            flaps = min(track.flaps + 1, FLAPS_MAX)
            return Track(state=TargetState.DOWN, flaps=flaps, reason=reason, recent=True)
        case TargetState.DOWN:
            if not ok:
                return track if track.run == 0 else msgspec.structs.replace(track, run=0)
            if track.run + 1 < rise:
                return msgspec.structs.replace(track, run=track.run + 1)
            return Track(state=TargetState.UP, flaps=track.flaps, reason=reason)


def _step_pending(track: Track, *, ok: bool, reason: str, rise: int, fall: int) -> Track:
    run = max(track.run, 0) + 1 if ok else min(track.run, 0) - 1
    if run >= rise:
        return Track(state=TargetState.UP, flaps=track.flaps, reason=reason)
    if -run >= fall:
        return Track(state=TargetState.DOWN, flaps=track.flaps, reason=reason, recent=True)
    return msgspec.structs.replace(track, run=run, recent=run < 0)


def window_over(track: Track) -> Track:
    """The flap window has ended: old falls are forgotten, but a target that is down has fallen once."""
    flaps = 1 if track.state is TargetState.DOWN and track.flaps else 0
    return track if track.flaps == flaps else msgspec.structs.replace(track, flaps=flaps)


def settled(track: Track) -> Track:
    """The run of failures has ended: what failed in it counts as a failure of its own from now on."""
    return msgspec.structs.replace(track, recent=False) if track.recent else track
