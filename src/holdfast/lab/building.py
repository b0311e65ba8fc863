"""Scenarios of other people's code on the ports: actors, a store, invariants, faults; nothing of DNS is needed."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from holdfast.lab.actor import Actor, LabError
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.nameserver.zone import Zone
from holdfast.ports.operation import Loop

Said: TypeAlias = str | bool | None
"""What a check says: None or True if it holds; False, or a sentence how it does not."""


class ScenarioError(LabError):
    """A scenario is put together wrongly; says what, and what to do."""


def actors(
    name: str,
    code: Callable[..., Loop[object]],
    *arguments: object,
    count: int = 1,
    disk: Mapping[str, bytes] | None = None,
    waits_for: Sequence[str] = (),
    crashes: bool = True,
    environment: bool = False,
) -> tuple[Actor, ...]:
    """One process, or `count` of the same: `code(*arguments)` is its coroutine, started anew after each crash.

    Several are called `name-a`, `name-b`, ..., and a search counts them as interchangeable. They start once those
    of `waits_for` have ended. `environment`: no fault strikes them (people, the outside).
    """
    if not 1 <= count <= len(string.ascii_lowercase):
        raise ScenarioError(f"actors {name!r}: count is {count}; it must be from 1 to 26")
    names = [name] if count == 1 else [f"{name}-{letter}" for letter in string.ascii_lowercase[:count]]
    return tuple(
        Actor(
            name=one,
            kind=name,
            start=lambda: code(*arguments),
            crashes=crashes,
            environment=environment,
            waits_for=tuple(waits_for),
            disk=tuple(sorted((disk or {}).items())),
        )
        for one in names
    )


def always(name: str, check: Callable[[View], Said], *, observes: Sequence[str] = ()) -> Invariant:
    """Must hold in every state. `observes`: actors whose end (`View.ended`) the check looks at."""
    return Invariant(name, lambda _, after, __: _said(name, check, after), tuple(observes))


def each_step(name: str, check: Callable[[View, View], Said], *, observes: Sequence[str] = ()) -> Invariant:
    """Must hold of every step, from the state before to the state after."""
    return Invariant(name, lambda before, after, _: _said(name, check, before, after), tuple(observes))


def _said(name: str, check: Callable[..., Said], *views: View) -> str | None:
    try:
        said = check(*views)
    except Exception as error:
        raise ScenarioError(
            f"the invariant {name!r} itself raised {type(error).__name__}: {error}; it must accept every state,"
            " also those where a key is not there yet"
        ) from error
    if said is None or said is True:
        return None
    return said if isinstance(said, str) else "it does not hold"


def scenario(
    name: str,
    *parts: Actor | Sequence[Actor],
    store: Mapping[str, bytes] | None = None,
    invariants: Iterable[Invariant] = (),
    faults: int | Faults = 0,
    converged: Callable[[View], bool] | None = None,
    zones: Sequence[Zone] = (),
) -> Scenario:
    """What is searched.

    `store` is its content at the start. `faults` is how many may happen in one run (lost, delayed and refused
    messages, crashes); a `Faults` says which. `converged` lets a proof also ask that every state can still come
    to rest in a state where it holds: "no wedge".

    Raises:
        ScenarioError: without actors, with two of one name, or waiting for one that is not there.
    """
    everybody = tuple(a for part in parts for a in ((part,) if isinstance(part, Actor) else part))
    _check_actors(name, everybody)
    budget = Faults(total=faults) if isinstance(faults, int) else faults
    return Scenario(
        name=name,
        bounds=f"{name} ({_crowd(everybody)}, {budget.total or 'no'} fault{'' if budget.total == 1 else 's'})",
        actors=everybody,
        store=store_of((store or {}).items()),
        zones=tuple(zones),
        faults=budget,
        invariants=tuple(invariants),
        converged=converged,
    )


def _check_actors(name: str, everybody: tuple[Actor, ...]) -> None:
    if not everybody:
        raise ScenarioError(f"scenario {name!r} has no actors: pass lab.actors(...)")
    names = [a.name for a in everybody]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ScenarioError(f"scenario {name!r} has two actors {twice[0]!r}: give each its own name")
    for one in everybody:
        for other in one.waits_for:
            if other not in names:
                raise ScenarioError(f"actor {one.name!r} waits for {other!r}; there are {', '.join(names)}")


def _crowd(everybody: tuple[Actor, ...]) -> str:
    kinds: dict[str, int] = {}
    for one in everybody:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    return ", ".join(f"{n} x {kind}" if n > 1 else kind for kind, n in kinds.items())


def check_start(view: View, subject: Scenario) -> None:
    """The invariants hold before anything has happened.

    Raises:
        ScenarioError: naming the one that does not.
    """
    for invariant in subject.invariants:
        broken = invariant.check(view, view, Happened("start", None, ""))
        if broken:
            raise ScenarioError(
                f"the invariant {invariant.name!r} does not hold before the first step: {broken}; mend the"
                " scenario's store or the invariant"
            )
