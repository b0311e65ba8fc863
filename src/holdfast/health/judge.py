"""The verdict on each target from the opinions of several vantage points. Pure; implements `ports.judgement`.

An *opinion* is what one vantage point makes of one target: up, down, or unknown. Unknown are: nothing
published, PENDING, published too long ago (timer `stale/<observer>/<revision>`), and DOWN from a prober that
distrusts itself. Probers with the same vantage see through the same window and are one opinion: up if any of
them says up.

| opinions, of n vantage points that are configured                  | verdict   | effect |
|---|---|---|
| down >= quorum                                                     | UNHEALTHY | may be withdrawn |
| up >= majority of n                                                | HEALTHY   | may enter, unless held down |
| anything else                                                      | UNKNOWN   | stays as it is, in or out |

Quorum: `limits.quorum`, or a majority of n; never under 2 when n >= 2, and never above n when n >= 2 (a typing
error must not switch withdrawal off in silence). With n = 1 it is 2 unless `quorum = 1` is said: so a lone
prober withdraws nothing unless a person asked for just that.

Hold-down: a target that is out, healthy, and has fallen more than once within the flap window stays out until
the timer `hold/<target>/<flaps>` of min(hold_down_s * flaps, hold_down_max_s) has fired. A caller must disarm
timers that `timers` no longer names; otherwise the next hold-down of that length would count as over.

If more than half of all probed targets are unhealthy, the whole is distrusted: the verdicts stand, with the
arithmetic, and the planner withdraws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from holdfast.model.configuration import CheckKind, Configuration, Limits, target_key
from holdfast.model.observation import Health, Observations, TargetObservation, TargetState, Verdict, Verdicts
from holdfast.ports.judgement import Timer

COMMON_SHARE = 0.5
COMMON_MIN = 2
"""One target of one is judged by the floor, not by distrust."""

STATIC_REASON = "no checks: always healthy"


class Bench(msgspec.Struct, frozen=True):
    """Who judges: the configured vantage points and what they need to agree on."""

    vantages: tuple[tuple[str, str], ...]
    """(prober, vantage), sorted."""
    points: int
    quorum: int
    majority: int


class Source(msgspec.Struct, frozen=True):
    """An observer's standing: its vantage point, and whether its word, or its `down`, counts."""

    vantage: str
    stale: bool
    distrust: str


Said: TypeAlias = tuple[Source, TargetObservation]


class Opinions(msgspec.Struct, frozen=True):
    """What is said of one target, counted by vantage point."""

    up: int
    down: int
    reasons: tuple[str, ...]
    unknown_why: tuple[str, ...]
    flaps: int


def bench(configuration: Configuration) -> Bench:
    """The bench of a configuration; quorum as in the module's description."""
    vantages = tuple(sorted((p.name, p.vantage or p.name) for p in configuration.probers))
    points = len({vantage for _, vantage in vantages})
    majority = points // 2 + 1
    said = configuration.limits.quorum
    alone = 1 if said == 1 else 2
    quorum = min(max(said or majority, 2), points) if points >= 2 else alone
    return Bench(vantages, points, quorum, majority)


def prober_of(observer: str) -> str:
    """The prober behind an observer `<prober>/<shard>`."""
    return observer.partition("/")[0]


def stale_timer(observations: Observations) -> str:
    """Name of the timer that makes this publication stale."""
    return f"stale/{observations.observer}/{observations.revision}"


def hold_timer(target: str, flaps: int) -> str:
    """Name of the timer that ends a hold-down."""
    return f"hold/{target}/{flaps}"


def hold_s(limits: Limits, flaps: int) -> float:
    """How long a target that fell this often is held down, seconds."""
    return min(limits.hold_down_s * flaps, limits.hold_down_max_s)


def sources(
    who: Bench, observations: Iterable[Observations], fired: frozenset[str]
) -> tuple[tuple[Source, Observations], ...]:
    """The observers that are configured, with their standing; others have no say."""
    vantage_of = dict(who.vantages)
    return tuple(
        (Source(vantage_of[prober], stale_timer(o) in fired, o.distrust), o)
        for o in observations
        if (prober := prober_of(o.observer)) in vantage_of
    )


def count(said: Iterable[Said]) -> Opinions:
    """Count opinions by vantage point."""
    ups: set[str] = set()
    downs: dict[str, str] = {}
    unknown: dict[str, str] = {}
    flaps = 0
    for source, seen in said:
        if source.stale:
            unknown[source.vantage] = "silent"
            continue
        flaps = max(flaps, seen.flaps)
        if seen.state is TargetState.UP:
            ups.add(source.vantage)
        elif seen.state is TargetState.PENDING:
            unknown[source.vantage] = "not known yet"
        elif source.distrust:
            unknown[source.vantage] = "distrusts itself"
        else:
            downs[source.vantage] = min(seen.reason, downs.get(source.vantage, seen.reason))
    downs = {vantage: reason for vantage, reason in downs.items() if vantage not in ups}
    why = {text for vantage, text in unknown.items() if vantage not in ups and vantage not in downs}
    return Opinions(
        up=len(ups),
        down=len(downs),
        reasons=tuple(sorted(set(downs.values()))),
        unknown_why=tuple(sorted(why)),
        flaps=flaps,
    )


def health_of(who: Bench, opinions: Opinions) -> Health:
    """The table at the top."""
    if opinions.down >= who.quorum:
        return Health.UNHEALTHY
    if who.points and opinions.up >= who.majority:
        return Health.HEALTHY
    return Health.UNKNOWN


def explain(who: Bench, opinions: Opinions, health: Health) -> str:
    """The count behind a verdict, for people."""
    if not who.points:
        return "unknown: no prober is configured"
    of = f"of {who.points} vantage point{'s' if who.points > 1 else ''}"
    down = f"{opinions.down} {of} {'says' if opinions.down == 1 else 'say'} down"
    if opinions.down:
        down += f" ({', '.join(opinions.reasons)})"
    if health is Health.UNHEALTHY:
        return f"{down}; quorum {who.quorum}"
    if health is Health.HEALTHY:
        up = f"{opinions.up} {of} {'says' if opinions.up == 1 else 'say'} up"
        return f"{up}, {down.replace(f' {of}', '', 1)}; quorum {who.quorum}" if opinions.down else up
    silent = who.points - opinions.up - opinions.down
    why = f" ({', '.join(opinions.unknown_why) or 'nothing heard'})" if silent else ""
    text = f"unknown: {down}, {opinions.up} up, {silent} unknown{why}; quorum {who.quorum}"
    if who.points < who.quorum:
        text += ", so one vantage point alone withdraws nothing (quorum = 1 would let it)"
    return text


def verdict_of(
    target: str, who: Bench, said: Iterable[Said], *, limits: Limits, serves: bool, fired: frozenset[str]
) -> Verdict:
    """The verdict on one probed target."""
    opinions = count(said)
    health = health_of(who, opinions)
    reason = explain(who, opinions, health)
    if health is not Health.HEALTHY or serves or opinions.flaps < 2:
        return Verdict(target, health, reason)
    if hold_timer(target, opinions.flaps) in fired:
        return Verdict(target, health, reason)
    held_s = hold_s(limits, opinions.flaps)
    held = (
        f"{reason}; held down for {held_s:g} s, because it fell {opinions.flaps} times"
        f" within {limits.flap_window_s:g} s"
    )
    return Verdict(target, health, held, hold_down=True)


def probed_targets(configuration: Configuration) -> tuple[tuple[str, bool], ...]:
    """Key of each configured target, and whether it is probed; sorted."""
    return tuple(
        sorted(
            (target_key(group.name, target.name), group.check.kind is not CheckKind.NONE)
            for group in configuration.groups
            for target in group.targets
        )
    )


def common_failure(*, unhealthy: int, probed: int) -> str:
    """Why the whole is distrusted, with the arithmetic; empty if it is not."""
    if unhealthy < COMMON_MIN or unhealthy <= COMMON_SHARE * probed:
        return ""
    return (
        f"{unhealthy} of {probed} probed targets are unhealthy at once, more than {COMMON_SHARE:.0%}:"
        " a common cause is likelier than so many deaths, so nothing is withdrawn"
    )


def timers(
    configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
) -> tuple[Timer, ...]:
    """See `ports.judgement.HealthRules.timers`."""
    flapping = {seen.target for o in observations for seen in o.targets if seen.flaps > 1} - serving
    who = bench(configuration)
    heard = sources(who, observations, frozenset())
    said = collect(heard, flapping)
    return timers_from(configuration.limits, who, heard, said)


def timers_from(
    limits: Limits,
    who: Bench,
    heard: tuple[tuple[Source, Observations], ...],
    flapping: Mapping[str, Iterable[Said]],
) -> tuple[Timer, ...]:
    """Staleness of each observer, and hold-down of each target in `flapping` that is healthy again."""
    found = [Timer(stale_timer(o), limits.observation_ttl_s) for _, o in heard]
    for target, said in flapping.items():
        opinions = count(said)
        if opinions.flaps > 1 and health_of(who, opinions) is Health.HEALTHY:
            found.append(Timer(hold_timer(target, opinions.flaps), hold_s(limits, opinions.flaps)))
    return tuple(sorted(found))


def collect(
    heard: tuple[tuple[Source, Observations], ...], targets: Iterable[str] | None = None
) -> dict[str, list[Said]]:
    """What is said of each target (of these targets only, if given)."""
    wanted = None if targets is None else frozenset(targets)
    said: dict[str, list[Said]] = {}
    if wanted is not None and not wanted:
        return said
    for source, observations in heard:
        for seen in observations.targets:
            if wanted is None or seen.target in wanted:
                said.setdefault(seen.target, []).append((source, seen))
    return said


def judge(
    configuration: Configuration,
    observations: tuple[Observations, ...],
    serving: frozenset[str],
    fired: frozenset[str],
) -> Verdicts:
    """See `ports.judgement.HealthRules.judge`."""
    who = bench(configuration)
    said = collect(sources(who, observations, fired))
    limits = configuration.limits
    found: list[Verdict] = []
    unhealthy = probed = 0
    for target, checked in probed_targets(configuration):
        if not checked:
            found.append(Verdict(target, Health.HEALTHY, STATIC_REASON))
            continue
        verdict = verdict_of(
            target, who, said.get(target, ()), limits=limits, serves=target in serving, fired=fired
        )
        probed += 1
        unhealthy += verdict.health is Health.UNHEALTHY
        found.append(verdict)
    return Verdicts(tuple(found), common_failure(unhealthy=unhealthy, probed=probed))


class PlainRules:
    """`HealthRules` without memory: for tests, the laboratory, and small scopes."""

    def timers(
        self, configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
    ) -> tuple[Timer, ...]:
        """See `timers`."""
        return timers(configuration, observations, serving)

    def judge(
        self,
        configuration: Configuration,
        observations: tuple[Observations, ...],
        serving: frozenset[str],
        fired: frozenset[str],
    ) -> Verdicts:
        """See `judge`."""
        return judge(configuration, observations, serving, fired)
