"""A day in sentences."""

from __future__ import annotations

from holdfast.fleet.day.play import Day
from holdfast.fleet.day.scripts import Script
from holdfast.fleet.day.shape import kept_by, shape_of


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
    wait_s = max(network.latency_s)
    return [
        f"launches: {network.failed:.0%} of those asked for not made; at most {max(network.without_network):.2%}"
        " of the hosts' number without their network at once",
        f"configuration: a new instance waits at most {wait_s / 60:.0f} min for its network"
        + (f", normal again at {hours(network.normal_s)}" if network.normal_s else ""),
    ]


def _health(day: Day) -> str:
    health = day.health
    assert health is not None
    exposed_s = sum(health.exposure_s) / max(1, len(health.exposure_s))
    told = day.design == "holdfast" and health.lagging_most and not health.unreported
    return (
        f"health: {health.wrongly_removed_share:.2%} of capacity wrongly removed, {health.transitions} transitions"
        f" ({health.transitions_most} of one target); a broken target stayed {exposed_s:.0f} s in DNS"
        + (f"; {health.lagging_most} targets served and lagged behind, all reported" if told else "")
    )


def _whole(day: Day) -> str:
    if day.design == "holdfast":
        kept = kept_by(day)
        share = "never" if kept.recovered_share is None else f"{kept.recovered_share:.2f} of the closed form"
        return f"recovery {share}: {'as promised' if kept.good else 'NOT as promised'}"
    shape = shape_of(day)
    return f"the cascade takes {shape.times_cause:.1f} times as long as its cause"
