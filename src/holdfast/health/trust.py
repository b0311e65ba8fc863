"""A prober distrusts itself: when much fails at once, or it runs late, the fault is rather its own.

Facts ("Knobs and defaults"): stop removing when over 20 % fail together, or when the checker's own delay is
beyond half its interval. While `distrust` is not empty the prober's DOWN counts for nothing (`judge`).

- *Together*: more than `distrust_share` of all targets, and at least `TOGETHER_MIN`, began to fail in one run.
  A run begins with the first failure and lasts as long as its timer; then what still fails is believed.
- *Most*: more than half of the targets fail. That is not believed however long it lasts.
- *Late*: of `LATE_WINDOW` probes counted from the first late one, more than `LATE_SHARE` were late.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from holdfast.health.rise_fall import Track
from holdfast.model.observation import TargetState

TOGETHER_MIN = 3
"""Two targets failing together prove nothing about the prober, however small the fleet."""

MOST_SHARE = 0.5
LATE_WINDOW = 50
LATE_SHARE = 0.2


class Lateness(msgspec.Struct, frozen=True):
    """Probes counted since the first late one. Without late ones it stays as it is, so a calm prober rests."""

    late: int = 0
    seen: int = 0
    verdict: str = ""


PUNCTUAL = Lateness()


def count_probe(lateness: Lateness, *, late: bool) -> Lateness:
    """One more probe; at the end of a window the verdict is renewed."""
    if not late and lateness == PUNCTUAL:
        return lateness
    counted = Lateness(lateness.late + late, lateness.seen + 1, lateness.verdict)
    if counted.seen < LATE_WINDOW:
        return counted
    if counted.late <= LATE_SHARE * LATE_WINDOW:
        return PUNCTUAL
    text = (
        f"{counted.late} of its last {counted.seen} probes started more than half an interval late;"
        f" more than {LATE_SHARE:.0%} is its own fault"
    )
    return Lateness(verdict=text)


def fails(track: Track) -> bool:
    """Whether the target fails in this prober's eyes, also if not yet often enough to be down."""
    match track.state:
        case TargetState.DOWN:
            return True
        case TargetState.UP:
            return track.run > 0
        case TargetState.PENDING:
            return track.run < 0


def distrust(tracks: Iterable[Track], lateness: Lateness, *, distrust_share: float) -> str:
    """Why this prober doubts itself, with the arithmetic; empty if it does not."""
    total = failing = together = 0
    for track in tracks:
        total += 1
        failing += fails(track)
        together += track.recent
    if failing >= TOGETHER_MIN and failing > MOST_SHARE * total:
        return f"{failing} of {total} targets fail, more than {MOST_SHARE:.0%}: rather the prober than they"
    if together >= TOGETHER_MIN and together > distrust_share * total:
        return f"{together} of {total} targets began to fail together, more than {distrust_share:.0%}"
    return lateness.verdict
