"""Results into tracks, tracks into what is published. Pure; an unchanged situation gives the same objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from holdfast.health.rise_fall import NEW, Track, settled, step, window_over
from holdfast.health.roster import Roster, Shard, shard_of
from holdfast.health.trust import PUNCTUAL, Lateness, count_probe
from holdfast.model.observation import TargetObservation, TargetState
from holdfast.ports.probe import ProbeResult


class ShardView(msgspec.Struct, frozen=True):
    """One shard as the prober sees it: tracks and, beside them, what is published of each."""

    tracks: tuple[Track, ...]
    seen: tuple[TargetObservation, ...]


class Change(msgspec.Struct, frozen=True):
    """A target changed its state."""

    target: str
    before: TargetState
    after: Track


class View(msgspec.Struct, frozen=True):
    """All that the prober sees. `flapping` are the targets whose flap window runs."""

    shards: tuple[ShardView, ...]
    lateness: Lateness = PUNCTUAL
    flapping: frozenset[str] = frozenset()

    def tracks(self) -> Iterable[Track]:
        """Every track."""
        for shard in self.shards:
            yield from shard.tracks


def show(target: str, track: Track) -> TargetObservation:
    """What is published of a track."""
    return TargetObservation(target=target, state=track.state, reason=track.reason, flaps=track.flaps)


def begin(roster: Roster, *, known: tuple[Roster, View] | None = None) -> View:
    """The view with which a roster begins; targets that `known` has already keep their tracks."""
    old = {} if known is None else _tracks_by_target(*known)
    shards = tuple(
        _shard_view(shard, tuple(old.get(target, NEW) for target in shard.targets)) for shard in roster.shards
    )
    flapping = frozenset(seen.target for shard in shards for seen in shard.seen if seen.flaps)
    return View(shards, flapping=flapping) if known is None else View(shards, known[1].lateness, flapping)


def _tracks_by_target(roster: Roster, view: View) -> dict[str, Track]:
    return {
        target: track
        for shard, shown in zip(roster.shards, view.shards, strict=True)
        for target, track in zip(shard.targets, shown.tracks, strict=True)
    }


def _shard_view(shard: Shard, tracks: tuple[Track, ...]) -> ShardView:
    return ShardView(
        tracks, tuple(show(target, track) for target, track in zip(shard.targets, tracks, strict=True))
    )


def fold(roster: Roster, view: View, results: tuple[ProbeResult, ...]) -> tuple[View, tuple[Change, ...]]:
    """The view after these results, and the targets that changed their state.

    A failure of a *late* probe is not folded: it tells of this prober, not of the target.
    """
    lateness = view.lateness
    edits: dict[int, dict[int, Track]] = {}
    changes: list[Change] = []
    for result in results:
        lateness = count_probe(lateness, late=result.late)
        index = shard_of(result.target, len(roster.shards))
        shard = roster.shards[index]
        position = shard.position(result.target)
        if position is None or (result.late and not result.ok):
            continue
        before = edits.get(index, {}).get(position, view.shards[index].tracks[position])
        rise, fall = shard.rise_fall[position]
        after = step(before, ok=result.ok, reason=result.reason, rise=rise, fall=fall)
        if after is before:
            continue
        edits.setdefault(index, {})[position] = after
        if after.state is not before.state:
            changes.append(Change(result.target, before.state, after))
    flapping = view.flapping | {change.target for change in changes if change.after.flaps}
    if not edits and lateness == view.lateness:
        return view, ()
    return View(_edited(roster, view.shards, edits), lateness, flapping), tuple(changes)


def _edited(
    roster: Roster, shards: tuple[ShardView, ...], edits: dict[int, dict[int, Track]]
) -> tuple[ShardView, ...]:
    if not edits:
        return shards
    after = list(shards)
    for index, changed in edits.items():
        tracks, seen = list(after[index].tracks), after[index].seen
        shown = list(seen)
        for position, track in changed.items():
            tracks[position] = track
            shown[position] = show(roster.shards[index].targets[position], track)
        # Progress towards a change is nothing to publish: `seen` stays the same object.
        after[index] = ShardView(tuple(tracks), seen if shown == list(seen) else tuple(shown))
    return tuple(after)


def forget_flaps(roster: Roster, view: View, targets: frozenset[str]) -> View:
    """The flap windows of these targets are over."""
    if not targets:
        return view
    shards = _each(roster, view.shards, window_over, targets)
    return View(shards, view.lateness, view.flapping - targets)


def settle(roster: Roster, view: View) -> View:
    """The run of failures is over (`trust`)."""
    return View(_each(roster, view.shards, settled, None), view.lateness, view.flapping)


def _each(
    roster: Roster, shards: tuple[ShardView, ...], change: Callable[[Track], Track], targets: frozenset[str] | None
) -> tuple[ShardView, ...]:
    edits: dict[int, dict[int, Track]] = {}
    for index, (shard, view) in enumerate(zip(roster.shards, shards, strict=True)):
        for position, (target, track) in enumerate(zip(shard.targets, view.tracks, strict=True)):
            if (targets is None or target in targets) and (after := change(track)) is not track:
                edits.setdefault(index, {})[position] = after
    return _edited(roster, shards, edits)
