"""Many draws of what is assumed, both designs on the same draws and seeds: in how many does the claim hold?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from holdfast.fleet.day.assumed import draws
from holdfast.fleet.day.play import play
from holdfast.fleet.day.scripts import SCRIPTS, Script
from holdfast.fleet.day.shape import Kept, Shape, kept_by, shape_of


class Draw(msgspec.Struct, frozen=True):
    """One draw, on both designs."""

    number: int
    shape: Shape
    kept: Kept

    def sentence(self) -> str:
        """What it came to."""
        share = self.kept.recovered_share
        return (
            f"2025 {'shows' if self.shape.whole else 'lacks a part of'} the reported shape"
            f" (cascade {self.shape.times_cause:.1f} x its cause); holdfast recovers in"
            f" {'no time of that day' if share is None else f'{share:.2f} of the closed form'},"
            f" {self.kept.removed_share:.3%} wrongly removed"
        )


class Survey(msgspec.Struct, frozen=True):
    """All of them."""

    script: str
    seed: int
    draws: tuple[Draw, ...]

    @property
    def shaped_share(self) -> float:
        """Draws in which the design of 2025 shows the whole reported shape."""
        return sum(d.shape.whole for d in self.draws) / len(self.draws)

    @property
    def kept_share(self) -> float:
        """Draws in which holdfast keeps what it promises."""
        return sum(d.kept.good for d in self.draws) / len(self.draws)

    def sentences(self) -> str:
        """What was found, with the count of each part that is played."""
        many, whole = len(self.draws), SCRIPTS[self.script].names
        parts = {"collapse that does not end without help": sum(d.shape.collapse for d in self.draws)}
        if whole:
            parts["configuration backlog after the leases"] = sum(d.shape.backlog for d in self.draws)
            parts["flapping while it lasts"] = sum(d.shape.flapping for d in self.draws)
        parts["cascade at least twice as long as its cause"] = sum(d.shape.several for d in self.draws)
        times = sorted(d.shape.times_cause for d in self.draws)
        slowest = max((d.kept.recovered_share or float("inf") for d in self.draws), default=0.0)
        lines = [
            f"{many} Latin-hypercube draw{'' if many == 1 else 's'}, seed {self.seed}",
            f"2025      the whole reported shape in {self.shaped_share:.1%} of them",
            *(f"          {count:>4} of {many}: {name}" for name, count in parts.items()),
            f"          cascade / cause: {times[0]:.1f} to {times[-1]:.1f}, median {times[many // 2]:.1f}",
            f"holdfast  keeps what it promises in {self.kept_share:.1%}: slowest recovery {slowest:.2f} of the"
            " closed form",
        ]
        return "\n".join([*lines, *(self._capacity() if whole else ())])

    def _capacity(self) -> Iterator[str]:
        """What became of the pool."""
        many, kept = len(self.draws), [d.kept for d in self.draws]
        old = sorted(d.shape.removed_share for d in self.draws)
        waits_s = sorted(one.wait_s for one in kept)
        yield (
            f"          wrongly removed of the day's capacity: at most {max(k.removed_share for k in kept):.3%}"
            f" (2025: {old[0]:.2%} to {old[-1]:.2%});"
            f" at least {min(k.least_share for k in kept):.0%} of the pool in DNS at any time"
        )
        yield (
            f"          a new instance waited at most {waits_s[-1]:.0f} s for its network (median of the draws:"
            f" {waits_s[many // 2]:.0f} s), a broken target stayed at most {max(k.exposed_s for k in kept):.0f} s"
        )


def survey(script: Script, *, many: int, seed: int, on_progress: Callable[[str], None] = lambda _: None) -> Survey:
    """Play them all."""
    return Survey(script.name, seed, tuple(_drawn(script, many, seed, on_progress)))


def _drawn(script: Script, many: int, seed: int, on_progress: Callable[[str], None]) -> Iterator[Draw]:
    for number, assumed in enumerate(draws(many, seed=seed)):
        old, new = (play(script, assumed, design=design, seed=number) for design in ("2025", "holdfast"))
        draw = Draw(number, shape_of(old), kept_by(new))
        on_progress(f"draw {number + 1} of {many}: {draw.sentence()}")
        yield draw
