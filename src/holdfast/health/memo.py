"""The same verdicts as `judge`, made again only where something changed: for scopes of 200,000 targets.

A planner looks at health several times a second, while little changes: one shard of one prober, a timer. This
keeps what was said of each target and judges anew only those of which something new is said, whose hold-down
ended, or that came in or went out of service. It is a memo and nothing else: its answers equal `judge.judge`
for any sequence of questions (guarded by a property test), and its owner may throw it away at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.health.judge import (
    STATIC_REASON,
    Bench,
    Said,
    Source,
    bench,
    common_failure,
    probed_targets,
    sources,
    timers_from,
    verdict_of,
)
from holdfast.model.configuration import Configuration
from holdfast.model.observation import Health, Observations, TargetObservation, Verdict, Verdicts
from holdfast.ports.judgement import Timer


class MemoRules:
    """`HealthRules` with a memory of the last question. Not for use by several planners at once."""

    def __init__(self) -> None:
        self._configuration: Configuration | None = None
        self._who = Bench((), 0, 2, 1)
        self._index: dict[str, int] = {}
        """Probed targets and where their verdict stands."""
        self._verdicts: list[Verdict] = []
        self._unhealthy = 0
        self._documents: dict[str, Observations] = {}
        self._standing: dict[str, Source] = {}
        self._said: dict[str, tuple[tuple[str, TargetObservation], ...]] = {}
        self._flapping: set[str] = set()
        self._serving: frozenset[str] = frozenset()
        self._fired: frozenset[str] = frozenset()
        self._dirty: set[str] = set()
        self._answer: Verdicts | None = None

    def timers(
        self, configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
    ) -> tuple[Timer, ...]:
        """See `ports.judgement.HealthRules.timers`."""
        self._absorb(configuration, observations)
        heard = sources(self._who, observations, frozenset())
        fresh = {o.observer: source for source, o in heard}
        flapping = {
            target: tuple((fresh[name], seen) for name, seen in self._said.get(target, ()))
            for target in self._flapping - serving
        }
        return timers_from(configuration.limits, self._who, heard, flapping)

    def judge(
        self,
        configuration: Configuration,
        observations: tuple[Observations, ...],
        serving: frozenset[str],
        fired: frozenset[str],
    ) -> Verdicts:
        """See `ports.judgement.HealthRules.judge`."""
        self._absorb(configuration, observations)
        self._stand(observations, fired)
        if serving is not self._serving:
            self._dirty |= serving ^ self._serving
        self._dirty.update(_held_targets(fired ^ self._fired))
        self._serving, self._fired = serving, fired
        return self._renew(configuration)

    def _absorb(self, configuration: Configuration, observations: tuple[Observations, ...]) -> None:
        """Take in what is said; marks targets of which something new is said."""
        if configuration is not self._configuration:
            self._begin(configuration)
        heard = {o.observer: o for _, o in sources(self._who, observations, frozenset())}
        for name in self._documents.keys() - heard.keys():
            self._replace(name, self._documents.pop(name).targets, ())
            self._standing.pop(name, None)
        for name, document in heard.items():
            before = self._documents.get(name)
            if before is document:
                continue
            self._replace(name, () if before is None else before.targets, document.targets)
            self._documents[name] = document

    def _begin(self, configuration: Configuration) -> None:
        self.__init__()  # type: ignore[misc]
        self._configuration, self._who = configuration, bench(configuration)
        for target, probed in probed_targets(configuration):
            if probed:
                self._index[target] = len(self._verdicts)
            self._verdicts.append(Verdict(target, Health.HEALTHY, STATIC_REASON))
        self._dirty = set(self._index)

    def _replace(
        self, name: str, before: tuple[TargetObservation, ...], after: tuple[TargetObservation, ...]
    ) -> None:
        for target, come in _differences(before, after):
            others = tuple(entry for entry in self._said.get(target, ()) if entry[0] != name)
            said = others if come is None else (*others, (name, come))
            self._said[target] = said
            self._dirty.add(target)
            if any(seen.flaps > 1 for _, seen in said):
                self._flapping.add(target)
            else:
                self._flapping.discard(target)

    def _stand(self, observations: tuple[Observations, ...], fired: frozenset[str]) -> None:
        """An observer that became stale or distrustful, or recovered, marks all that it speaks of."""
        for source, document in sources(self._who, observations, fired):
            if self._standing.get(document.observer) != source:
                self._standing[document.observer] = source
                self._dirty.update(seen.target for seen in document.targets)

    def _renew(self, configuration: Configuration) -> Verdicts:
        for target in self._dirty:
            index = self._index.get(target)
            if index is None:
                continue
            verdict = verdict_of(
                target,
                self._who,
                self._opinions(target),
                limits=configuration.limits,
                serves=target in self._serving,
                fired=self._fired,
            )
            before = self._verdicts[index]
            if verdict != before:
                self._unhealthy += (verdict.health is Health.UNHEALTHY) - (before.health is Health.UNHEALTHY)
                self._verdicts[index] = verdict
                self._answer = None
        self._dirty.clear()
        if self._answer is None:
            distrust = common_failure(unhealthy=self._unhealthy, probed=len(self._index))
            self._answer = Verdicts(tuple(self._verdicts), distrust)
        return self._answer

    def _opinions(self, target: str) -> Iterator[Said]:
        return ((self._standing[name], seen) for name, seen in self._said.get(target, ()))


def _held_targets(timers: Iterable[str]) -> Iterator[str]:
    """Targets named by hold-down timers `hold/<target>/<flaps>`."""
    return (name[len("hold/") : name.rindex("/")] for name in timers if name.startswith("hold/"))


def _differences(
    before: tuple[TargetObservation, ...], after: tuple[TargetObservation, ...]
) -> Iterator[tuple[str, TargetObservation | None]]:
    """Targets of which something else is said now, and what: None if nothing more is."""
    if before is after:
        return
    old = {seen.target: seen for seen in before}
    for seen in after:
        if old.pop(seen.target, None) != seen:
            yield seen.target, seen
    for target in old:
        yield target, None
