"""What a map gives away: redundancy that isn't, control planes in the way, automation that needs itself.

A finding is a value with a key, so that two maps can be compared and a pipeline can fail on what is new.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from holdfast.depmap.blackstart import BlackStart
from holdfast.depmap.causes import shared
from holdfast.depmap.compiled import WHATEVER, compiled
from holdfast.depmap.singles import Singles
from holdfast.depmap.values import Map, Need, Plane

SHOWN_MAX = 5


class Kind(enum.Enum):
    """Kinds of findings; the values are what `--fail-on` takes."""

    HIDDEN = "hidden-dependency"
    """One failure takes a whole k-of-n group below k."""
    SHARED = "shared-cause"
    """So many members of a k-of-n group share a version, owner or region that their common failure does."""
    DEADLOCK = "deadlock"
    """A circle of services that can't start without each other."""
    CONTROL = "control-plane"
    """Users' services fall, or can't come back, with a control plane."""
    OWN_NAME = "own-name"
    """An automation needs a name or service that only it can mend."""


class Finding(msgspec.Struct, frozen=True):
    """`about` is the service or group, `because` the failure or circle behind it, `says` the sentence."""

    kind: Kind
    about: str
    because: tuple[str, ...]
    says: str

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What makes it the same finding in another version of the map."""
        return (self.kind.value, self.about, self.because)


def findings(of: Map, running: Singles, started: BlackStart) -> tuple[Finding, ...]:
    """All findings, by kind and then by name. `running` answers for needs of a serving system."""
    ever = Singles(compiled(of, WHATEVER))
    found = [
        *_hidden(of, running),
        *_shared(of),
        *_deadlocks(started),
        *_control(of, running, ever),
        *_own_names(of, ever),
    ]
    order = {kind: at for at, kind in enumerate(Kind)}
    return tuple(sorted(found, key=lambda f: (order[f.kind], f.about, f.because)))


def _few(names: list[str]) -> str:
    more = len(names) - SHOWN_MAX
    return ", ".join(names[:SHOWN_MAX]) + (f" and {more:,} more" if more > 0 else "")


def _choices(of: Map) -> Iterator[tuple[Need, int]]:
    """Hard needs with a choice, and how many members have to be lost."""
    for need in of.needs:
        quota = len(need.on) - need.at_least + 1
        if need.hard and quota > 1:
            yield need, quota


def _group(need: Need) -> str:
    return f"{need.of}: {need.group or ' | '.join(need.on)}"


def _hidden(of: Map, running: Singles) -> Iterator[Finding]:
    names, index = running.on.names, running.on.index
    for need, quota in _choices(of):
        if any(m not in index for m in need.on):
            continue
        single = [names[s] for s in running.common([index[m] for m in need.on], quota)]
        single = [name for name in single if name != need.of]
        if single:
            yield Finding(
                Kind.HIDDEN,
                _group(need),
                tuple(single),
                f"{need.of} needs {need.at_least} of {len(need.on)} ({_few(list(need.on))}), but"
                f" {_few(single)} alone leave{'s' if len(single) == 1 else ''} fewer than {need.at_least}",
            )


def _shared(of: Map) -> Iterator[Finding]:
    services = {service.name: service for service in of.services}
    for need, quota in _choices(of):
        for (attribute, value), members in shared([services[m] for m in need.on]).items():
            if len(members) >= quota:
                yield Finding(
                    Kind.SHARED,
                    _group(need),
                    (f"{attribute} {value}",),
                    f"{need.of} needs {need.at_least} of {len(need.on)}, but {len(members)} of them"
                    f" share {attribute} {value} ({_few([m.name for m in members])})",
                )


def _deadlocks(started: BlackStart) -> Iterator[Finding]:
    for deadlock in started.deadlocks:
        circle = " -> ".join((*deadlock.circle, deadlock.circle[0]))
        waiting = len(started.stuck) - len(deadlock.circle)
        behind = f"; {waiting:,} more wait behind deadlocks" if waiting else ""
        yield Finding(
            Kind.DEADLOCK,
            deadlock.circle[0],
            deadlock.circle,
            f"from nothing none of these can start: {circle}{behind}",
        )


def _control(of: Map, running: Singles, ever: Singles) -> Iterator[Finding]:
    data = {service.name for service in of.services if service.plane is Plane.DATA}
    for service in of.services:
        if service.plane is not Plane.CONTROL:
            continue
        falls = _named(running, running.blast(running.on.index[service.name]), data)
        blocked = [n for n in _named(ever, ever.blast(ever.on.index[service.name]), data) if n not in set(falls)]
        if falls or blocked:
            parts = [f"{_few(falls)} fall with it"] if falls else []
            parts += [f"{_few(blocked)} can't come back without it"] if blocked else []
            yield Finding(
                Kind.CONTROL, service.name, (*falls, *blocked), f"control plane {service.name}: {'; '.join(parts)}"
            )


def _named(on: Singles, numbers: list[int], among: set[str]) -> list[str]:
    return [name for name in (on.on.names[n] for n in numbers) if name in among]


def _own_names(of: Map, ever: Singles) -> Iterator[Finding]:
    index = ever.on.index
    for service in of.services:
        keeper = service.kept_by
        if keeper in index and index[service.name] in ever.single_points(index[keeper]):
            yield Finding(
                Kind.OWN_NAME,
                service.name,
                (keeper,),
                f"{keeper} keeps {service.name} and can't work without it: once it is gone, people must mend it",
            )
