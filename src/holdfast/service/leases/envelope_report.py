"""The envelope for people: sentences with their arithmetic, curves, and what the terminal shows of them."""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.leases.envelope import Envelope, Fleet, Outlook, envelope, goodput, trigger_share
from holdfast.leases.held_again import HeldAgain

COLUMNS: Final = 60
ROWS: Final = 12
MARKS: Final = {"up": "*", "down": "o", "trigger": "#"}


class Curve(msgspec.Struct, frozen=True):
    """Points (load, value), both 0..1."""

    name: str
    label: str
    points: tuple[tuple[float, float], ...]


class Report(msgspec.Struct, frozen=True):
    """What `leases envelope` prints as JSON."""

    fleet: Fleet
    envelope: Envelope
    text: str
    curves: tuple[Curve, ...]


def report(fleet: Fleet) -> Report:
    """All of it."""
    found = envelope(fleet)
    return Report(fleet, found, sentences(fleet, found), curves(fleet))


def curves(fleet: Fleet, *, steps: int = 100) -> tuple[Curve, ...]:
    """Goodput of a naive design with the load swept up and down, and the trigger size, against load."""
    loads = [step / steps for step in range(steps + 1)]
    up = tuple((load, goodput(fleet, load=load, collapsed=False)) for load in loads)
    down = tuple((load, goodput(fleet, load=load, collapsed=True)) for load in loads)
    shares = ((load, trigger_share(fleet, load=load) if load else None) for load in loads)
    trigger = tuple((load, 1.0 if share is None else share) for load, share in shares)
    return (
        Curve("up", "goodput, load rising", up),
        Curve("down", "goodput, load falling after a collapse", down),
        Curve("trigger", "loss at once that a naive design survives", trigger),
    )


def duration(seconds: float) -> str:
    """`216 s`, `35 min`, `2.4 h`."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def sentences(fleet: Fleet, found: Envelope) -> str:
    """What the law says, with its arithmetic."""
    wait = f"1 + W/tau = {1 + fleet.timeout_s / fleet.renew_every_s:.2f}"
    product = f"k x load = {fleet.cost * found.load:.2f}"
    verdict = {
        Outlook.RECOVERS: f"would recover from the loss of all leases: {product} is below {wait}",
        Outlook.NEAR: f"is near the edge: {product}, {wait}; the law is good to 16 %",
        Outlook.COLLAPSES: f"would COLLAPSE after the loss of all leases, and stay so: {product} is above {wait}",
        Outlook.OVERLOADED: "can't even renew: the fleet needs more than the service can do; lengthen the TTL",
    }[found.naive]
    lines = [
        f"steady load          {found.load:.1%} of {fleet.renewals_per_s:g} renewals/s go into renewing"
        f" {fleet.size:,} leases every {fleet.renew_every_s:g} s",
        f"a naive design       {verdict}",
        f"                     (its edge: {found.collapse_load:.0%} load)",
        f"costs nothing        any outage up to {duration(found.free_outage_s)} (TTL - tau){_unnoticed(found)}",
        f"                     {_held_again(found)}",
        f"survives, if naive   {_trigger(found)}",
        f"recovery             {_recovery(found)}",
    ]
    return "\n".join(lines)


def _unnoticed(found: Envelope) -> str:
    if found.unnoticed_outage_s is None:
        return ""
    return f"; up to {duration(found.unnoticed_outage_s)} no holder stops acting on its lease"


def _held_again(found: Envelope) -> str:
    if found.restart is None or found.longest is None:
        return "but leases are not all renewed again after it"
    return (
        f"every lease is renewed again {_range(found.restart)} after a restart at once,"
        f" {_range(found.longest)} after the longest such outage"
    )


def _range(found: HeldAgain) -> str:
    return f"{found.expected_s:.3g} s ({found.least_s:.3g} to {found.most_s:.3g})"


def _trigger(found: Envelope) -> str:
    if found.naive is Outlook.OVERLOADED:
        return "nothing"
    if found.trigger_share is None:
        return "the loss of any share at once"
    return f"the loss of up to {found.trigger_share:.0%} of the leases at once (a safe bound)"


def _recovery(found: Envelope) -> str:
    if found.ideal_s is None or found.expected_s is None:
        return "never: no design can hold more than it can renew"
    low, high = found.expected_s
    return (
        f"at best {duration(found.ideal_s)} to 99 % held (-tau k ln(1 - 0.99 load), up to 12 % pessimistic);"
        f" expected with all protections {duration(low)} to {duration(high)}"
    )


def picture(found: Report) -> str:
    """The curves in the terminal."""
    grid = [[" "] * (COLUMNS + 1) for _ in range(ROWS + 1)]
    for curve in reversed(found.curves):
        for load, value in curve.points:
            grid[ROWS - round(value * ROWS)][round(load * COLUMNS)] = MARKS[curve.name]
    now = round(min(found.envelope.load, 1.0) * COLUMNS)
    lines = [f"{(ROWS - row) / ROWS:>4.0%} |{''.join(cells)}" for row, cells in enumerate(grid)]
    axis = "     +" + "-" * (COLUMNS + 1)
    here = "      " + " " * now + "^ this fleet"
    legend = [f"      {MARKS[curve.name]} {curve.label}" for curve in found.curves]
    lines = [line.rstrip() for line in lines]
    return "\n".join([*lines, axis, f"      0 %{'load'.center(COLUMNS - 6)}100 %", here, *legend])
