"""The ablations as a table, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.fleet.ablation import Result

MANY: Final = 1000

Row = tuple[str, str, tuple[Result, ...]]
"""Group, name, one result for each cell."""


def rows(results: Iterable[Result]) -> list[Row]:
    """Results by design."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result.group, result.name), []).append(result)
    return [(group, name, tuple(cells)) for (group, name), cells in found.items()]


def said(result: Result) -> str:
    """Held at worst, if not all was lost; recovery as a multiple of the closed form, or how much is held for ever;
    attempts per success.
    """
    asked = "-" if result.attempts_per_success is None else f"{result.attempts_per_success:,.1f}"
    if result.attempts_per_success is not None and result.attempts_per_success >= MANY:
        asked = f"over {MANY:,}"
    worst = "" if result.held_least_share is None else f"{result.held_least_share:.0%} held, "
    if result.recovered_s is None:
        return f"{worst}never, {result.held_share:.0%} ({asked})"
    return f"{worst}{result.recovered_s / result.ideal_s:.2f} ({asked})"


def table(results: Sequence[Result]) -> str:
    """Time to 99 % held / closed form, attempts per success in brackets; the worst of the runs."""
    found = rows(results)
    heads = [f"rho {r.load:g}, k {r.cost:g}" for r in found[0][2]]
    width = max(len(name) for _, name, _ in found)
    lines = [f"{'':<10} {'':<{width}} " + " ".join(f"{head:>27}" for head in heads)]
    lines += [
        f"{group:<10} {name:<{width}} " + " ".join(f"{said(cell):>27}" for cell in cells)
        for group, name, cells in found
    ]
    return "\n".join(
        [
            *lines,
            "",
            "time to 99 % held / closed form (attempts per success); the worst of the runs; after"
            " a stall first how many are held at worst",
        ]
    )
