"""The ablations as a table, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.fleet.ablation import Result

Row = tuple[str, str, tuple[Result, ...]]
"""Group, name, one result for each cell."""


def rows(results: Iterable[Result]) -> list[Row]:
    """Results by design."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result.group, result.name), []).append(result)
    return [(group, name, tuple(cells)) for (group, name), cells in found.items()]


def said(result: Result) -> str:
    """Recovery as a multiple of the closed form, or how much is held for ever; attempts per success."""
    asked = "-" if result.attempts_per_success is None else f"{result.attempts_per_success:.1f}"
    if result.recovered_s is None:
        return f"never, {result.held_share:.0%} ({asked})"
    return f"{result.recovered_s / result.ideal_s:.2f} ({asked})"


def table(results: Sequence[Result]) -> str:
    """Time to 99 % held / closed form, attempts per success in brackets; the worst of the runs."""
    found = rows(results)
    heads = [f"rho {r.load:g}, k {r.cost:g}" for r in found[0][2]]
    width = max(len(name) for _, name, _ in found)
    lines = [f"{'':<10} {'':<{width}} " + " ".join(f"{head:>20}" for head in heads)]
    lines += [
        f"{group:<10} {name:<{width}} " + " ".join(f"{said(cell):>20}" for cell in cells)
        for group, name, cells in found
    ]
    return "\n".join([*lines, "", "time to 99 % held / closed form (attempts per success); the worst of the runs"])
