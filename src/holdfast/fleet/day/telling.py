"""A day in sentences."""

from __future__ import annotations

from typing import Final

from holdfast.fleet.day.network import NORMAL_S
from holdfast.fleet.day.play import Day
from holdfast.fleet.day.scripts import SCRIPTS, Script
from holdfast.fleet.day.shape import kept_by, shape_of
from holdfast.leases.envelope import HELD_SHARE

CAPACITY_LEAST: Final = 0.97
"""Less of the pool in DNS than this is a loss that the spans of a day show."""


def hours(seconds: float) -> str:
    """`+2:37`."""
    minutes = round(seconds / 60)
    return f"+{minutes // 60}:{minutes % 60:02d}"


def lead_of(script: Script) -> str:
    """What the page, or the text, is about."""
    return (
        f"The cause lasts {script.cause_s / 60:.0f} minutes; this is what becomes of the rest of the day, by the"
        " design of then and by holdfast's, on the same draw of what is assumed. Nothing is counted for holdfast"
        " that would spare it the loss of the leases."
    )


def end_of(day: Day) -> list[str]:
    """How the day went, a line for each link of the chain."""
    said = [_leases(day)]
    if day.network is not None:
        said += _network(day)
    if day.health is not None:
        said.append(_health(day))
    said.append(_whole(day))
    return said


def spans_of(day: Day) -> list[tuple[str, float, float]]:
    """The day as the historical one is told: (what, from, to), in seconds of the day."""
    script, network, leases = SCRIPTS[day.script], day.network, day.leases
    end_s = script.until_s
    held_s = end_s if leases.held_s is None else leases.held_s
    lost_s = next((at * 60.0 for at, share in enumerate(leases.held) if share < HELD_SHARE), held_s)
    cause = "the name has no addresses" if script.names else "network fault"
    found = [(cause, 0.0, script.cause_s), ("leases: lost, and taken again", lost_s, held_s)]
    if network is None:
        return found
    late = [launch for launch in network.launches if launch.wait_s(end_s) > NORMAL_S and launch.made_s is not None]
    if late:
        begun_s = min(launch.made_s or 0.0 for launch in late)
        found.append(("new instances wait for their network", begun_s, max(begun_s, network.normal_s)))
    if network.drained_s > held_s:
        found.append(("hosts that serve wait for what is new", held_s, network.drained_s))
    if day.health is not None:
        out = [at_s for at_s, share in day.health.series if share < CAPACITY_LEAST]
        if out:
            what = f"less than {CAPACITY_LEAST:.0%} of the capacity in DNS, now and then"
            found.append((what, out[0], out[-1]))
    if network.launches_fail_until_s:
        found.append(("launches fail", 0.0, network.launches_fail_until_s))
    return found


def _leases(day: Day) -> str:
    leases = day.leases
    if leases.held_s is None:
        return "leases: not held again that day"
    took_s = leases.held_s - leases.back_s
    how = "" if leases.alone else "; they would not have come back without help"
    return (
        f"leases: {min(leases.held):.0%} held at worst; 99 % held at {hours(leases.held_s)},"
        f" {took_s / 60:.0f} min after the cause (closed form {leases.ideal_s / 60:.1f} min){how}"
    )


def _network(day: Day) -> list[str]:
    network = day.network
    assert network is not None
    wait_s = network.waits_most_s()
    return [
        f"launches: {len(network.launches)} asked for, {sum(network.attempts)} attempts,"
        f" {network.failed:.0%} of them failed, {network.never} never made;"
        f" at most {max(network.without_network)} instances without their network at once",
        f"configuration: a new instance waited at most {wait_s / 60:.0f} min for its network"
        + (f", normal again at {hours(network.normal_s)}" if network.normal_s else "")
        + (f"; hosts that serve had all they should at {hours(network.drained_s)}" if network.drained_s else ""),
    ]


def _health(day: Day) -> str:
    health = day.health
    assert health is not None
    exposed_s = sum(health.exposure_s) / max(1, len(health.exposure_s))
    told = day.design == "holdfast" and health.lagging_most and not health.unreported
    return (
        f"health: {health.wrongly_removed_share:.2%} of the day's capacity wrongly removed,"
        f" {health.least_share:.0%} in DNS at worst, {health.transitions} transitions"
        f" ({health.transitions_most} of one target); a broken target stayed {exposed_s:.0f} s in DNS"
        + (f"; up to {health.lagging_most} targets served and lagged behind, all reported" if told else "")
    )


def _whole(day: Day) -> str:
    if day.design == "holdfast":
        kept = kept_by(day)
        share = "never" if kept.recovered_share is None else f"{kept.recovered_share:.2f} of the closed form"
        return f"recovery {share}: {'as promised' if kept.good else 'NOT as promised'}"
    shape = shape_of(day)
    return f"the cascade takes {shape.times_cause:.1f} times as long as its cause"
