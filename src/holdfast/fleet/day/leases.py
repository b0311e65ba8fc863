"""The leases under the script: they run out, the cause ends, and then the design recovers or does not.

During the cause the service's work fails: what it still can do falls with its pooled connections, and what waits
is thrown away each minute (calls fail; they don't wait for hours): nothing that follows is owed to an old queue.
When the cause ends it can work again as resolvers forget that there was no address. In 2025 people help: from then
on establishments are let in below what the service can do, and its hosts are restarted one by one.

Holdfast's renewals need no store, and its name would not have been emptied: neither is counted for it here. Its
service loses what the other loses, for as long.
"""

from __future__ import annotations

import copy
import math
from typing import Final

import msgspec
import numpy as np

from holdfast.fleet.day.asked import LISTED
from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.scripts import Script
from holdfast.fleet.design import HOLDFAST, NAIVE, Trouble
from holdfast.fleet.model import Model
from holdfast.leases.envelope import HELD_SHARE, Fleet, ideal_recovery_s

HOSTS: Final = 3000
"""Only ratios matter: the closed forms know no size."""
RESTARTS: Final = 6
MINUTE_S: Final = 60
LOOK_S: Final = 10
LINGERS_S: Final = 1800.0
"""From 99 % held on the last ones are waited for, for so long; then the leases are at rest."""
ALONE_S: Final = 4 * 3600.0
"""How long a day without help is watched, from the end of the cause."""


class LeaseChange(msgspec.Struct, frozen=True):
    """A host lost its lease, or has it again, as seen every `LOOK_S`."""

    at_s: float
    host: int
    held: bool


class Leases(msgspec.Struct, frozen=True):
    """The leases of a day. Times in seconds of the day."""

    held: tuple[float, ...]
    """Share held, at the end of each minute."""
    back_s: float
    """The end of the cause for everybody."""
    held_s: float | None
    """When 99 % were held again."""
    ideal_s: float
    """The closed form."""
    alone: bool
    """Whether it recovers without help."""
    attempts_per_success: float
    changes: tuple[LeaseChange, ...] = ()
    """Of the hosts that are listed one by one, in order of time; all hold a lease before."""


def fleet_of(assumed: Assumed) -> Fleet:
    """The fleet of a draw."""
    tau_s = assumed.ttl_s / 3
    return Fleet(
        size=HOSTS,
        renewals_per_s=HOSTS / (tau_s * assumed.load),
        cost=assumed.cost,
        ttl_s=assumed.ttl_s,
        renew_every_s=tau_s,
        timeout_s=assumed.patience * tau_s,
    )


def play_leases(script: Script, assumed: Assumed, *, design: str, seed: int) -> Leases:
    """The day of the leases, on `2025` or `holdfast`."""
    old = design == "2025"
    fleet = fleet_of(assumed)
    model = Model(fleet, NAIVE if old else HOLDFAST, seed=seed, trouble=Trouble(lost_share=0.0, deaf_s=0.0))
    day = _Day(script, assumed, model)
    day.until(day.back_s)
    model.wakes()
    alone = True
    if old:
        day.until(script.help_s)
        alone = _recovers_alone(day)
        if model.recovered_s is None:
            day.help()
    day.until(script.until_s, quiet=True)
    ideal_s = ideal_recovery_s(fleet)
    assert ideal_s is not None, "a draw's load is below 1"
    outcome = model.outcome()
    return Leases(
        held=tuple(day.held),
        back_s=day.back_s,
        held_s=None if model.recovered_s is None else day.back_s + model.recovered_s,
        ideal_s=ideal_s,
        alone=alone,
        attempts_per_success=outcome.attempts_per_success,
        changes=tuple(day.changes),
    )


def _recovers_alone(day: _Day) -> bool:
    """Whether a copy that nobody helps holds 99 % within hours. Asked when help comes: before, they are one."""
    if day.model.recovered_s is not None:
        return True
    model = copy.deepcopy(day.model)
    model.advance(day.back_s + ALONE_S)
    return model.recovered_s is not None


class _Day:
    """The script on a model, minute by minute."""

    def __init__(self, script: Script, assumed: Assumed, model: Model) -> None:
        self.script, self.assumed, self.model = script, assumed, model
        self.held: list[float] = []
        self.changes: list[LeaseChange] = []
        self._holding = model.holding(LISTED)
        forgets_s = assumed.negative_ttl_s if script.names else 0.0
        self.back_s = math.ceil((script.cause_s + forgets_s) / MINUTE_S) * float(MINUTE_S)
        self._restarts_at_s: list[float] = []

    def until(self, end_s: float, *, quiet: bool = False) -> None:
        """Play on. `quiet`: once 99 % are held nothing happens any more that is worth a step."""
        while len(self.held) * MINUTE_S < end_s:
            if quiet and self._at_rest():
                self.held.append(max(self.held[-1], HELD_SHARE))
                continue
            self._minute()
            self.held.append(self.model.held / self.model.fleet.size)

    def _at_rest(self) -> bool:
        model = self.model
        if model.recovered_s is None:
            return False
        return model.held == model.fleet.size or model.now_s >= self.back_s + model.recovered_s + LINGERS_S

    def _look(self) -> None:
        """Who of the listed hosts lost a lease or has one again."""
        holding = self.model.holding(LISTED)
        for host in np.flatnonzero(holding != self._holding).tolist():
            self.changes.append(LeaseChange(self.model.now_s, host, bool(holding[host])))
        self._holding = holding

    def _minute(self) -> None:
        model, now_s = self.model, self.model.now_s
        if now_s < self.back_s:
            model.capacity_share = self._works(now_s)
            if model.capacity_share < 1.0 and now_s < self.script.cause_s:
                model.drop_queue()
        elif self._restarts_at_s:
            self._restart(now_s)
        else:
            model.capacity_share = 1.0
        if model.recovered_s is not None:
            model.admits_per_s = math.inf
        for _ in range(MINUTE_S // LOOK_S):
            for _ in range(LOOK_S):
                model.step()
            self._look()

    def _works(self, now_s: float) -> float:
        """Pooled connections die while there is no name; they come back as resolvers forget that."""
        cause_s = self.script.cause_s
        if now_s < cause_s:
            left = math.exp(-now_s / self.assumed.pool_life_s) if self.script.names else 0.0
            return left if left > 0.02 else 0.0
        return min(1.0, (now_s - cause_s) / max(self.back_s - cause_s, 1.0))

    def help(self) -> None:
        """People throttle below what the service can do beside its renewals, and restart its hosts one by one."""
        fleet = self.model.fleet
        spare_per_s = fleet.renewals_per_s * (1 - self.assumed.load) / fleet.cost
        self.model.admits_per_s = self.assumed.throttle * spare_per_s
        each_s = self.assumed.restarts_s / RESTARTS
        self._restarts_at_s = [self.model.now_s + each_s * n for n in range(RESTARTS)]

    def _restart(self, now_s: float) -> None:
        self.model.capacity_share = 1 - 1 / RESTARTS
        if now_s >= self._restarts_at_s[0]:
            self._restarts_at_s.pop(0)
            self.model.drop_queue()
