"""I8 searched: the shipped lease loop on a small capacity, hosts that renew and hosts that come, with deadlines.

    hosts:   ask -> [in the inbox until the service looks] -> answered, or given up after W
    service: looks when the search lets it; its commits lie on their way until the search lets them arrive
    faults:  time passes while it stands still, or while it works; it crashes; answers are lost, commits' too

One grant at a time may be on its way to the store, one more may wait: so a crowd of three is refused. Properties,
each stated by what hosts and store see:

- **Renewals first**: a renewal that the service takes in, in time, is answered in the same step, whatever the
  store does and whoever comes. It is refused only while something about its own lease is being written; or where
  renewals took long lately, and then nothing else is begun.
- **Nothing in vain**: a grant is begun only for a host that still waits for it (up to the second for which an idle
  service may not look at its clock); never two at once for one host, and never more at once than may be.
- **Bounded**: no more than may be wait unanswered behind it.
- **Kept**: a lease whose holder counts it as its own, and whose service has taken over, has not run out there.
- **Hints obeyed**: a host that was told when to come does not come before that.
- **Converges**: from every state, once faults stop, every host holds its lease within two TTLs, and keeps it for
  one more, unrefused.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeAlias

from holdfast.lab.crowd_hosts import TIMEOUT_S, Bounds, Host
from holdfast.lab.lease_service import SCOPE, ServiceUnderSearch, written_keys
from holdfast.leases.desk import LATE_S, Capacity
from holdfast.leases.law import LeaseSettings
from holdfast.leases.refusing import WRITE
from holdfast.leases.watching import Watching
from holdfast.model.keys import Keys
from holdfast.model.lease import Renew, Result, TryLater
from holdfast.overload import Lane, LimiterSettings
from holdfast.ports.leases import Call, Inbound, NextInbound, Submit, Written
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Range

TTL_S: Final = 24.0
SETTINGS: Final = LeaseSettings(ttl_least_s=TTL_S, expire_share_per_s=1.0, hint_cap_s=8.0)
IN_WORK: Final = 1
WAITING: Final = 1
CAPACITY: Final = Capacity(
    lanes=(
        Lane("renew", 0.0001, pool="memory", queue_budget_s=30.0),
        Lane("write", 0.02, newest_first=True, pool="store", queue_budget_s=0.0, depth_least=WAITING),
    ),
    store=LimiterSettings.fixed(IN_WORK),
)
BUSY: Final = "another call about this lease is being written"
CALM_STEP_S: Final = 2.0
SETTLING_S: Final = 2 * TTL_S

_Step: TypeAlias = tuple[str, Callable[[int], None], int]


class CrowdWorld(ServiceUnderSearch):
    """See the module."""

    settings = SETTINGS
    capacity = CAPACITY

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = str(bounds)
        self._tick_s, self._asks_to_settle = bounds.tick_s, bounds.settles
        self.left = {"tick": 0, "slow": 0, "lost": 0, "unknown": 0, "away": 0, "crash": 0}
        self.hosts = [Host(number) for number in range(bounds.renewing)]
        self._looked_s = self._worked_until_s = 0.0
        self._step_at = 0
        self._settled = self._refusals = self._was_slow = False
        super().__init__()
        self._calmly(2 * CALM_STEP_S)
        for host in self.hosts:
            host.holding.put_off(self.now_s)
        self.hosts += [Host(bounds.renewing + number) for number in range(bounds.coming)]
        self.left = {
            "tick": bounds.ticks,
            "slow": bounds.slow,
            "lost": bounds.lost,
            "unknown": bounds.unknown,
            "away": bounds.away,
            "crash": bounds.crashes,
        }
        assert not self.broken, self.broken

    # -- what may happen -----------------------------------------------------------------------------------

    def options(self) -> list[str]:
        """See `engines.rerun.World`."""
        return [word for word, _, _ in self._steps()]

    def take(self, number: int) -> None:
        """See `engines.rerun.World`."""
        _, act, argument = self._steps()[number]
        act(argument)
        self._look_for_what_is_kept()

    def key(self) -> Hashable:
        """See `engines.rerun.World`."""
        if self._settled:
            return "settled"
        return (
            self.now_s,
            self._looked_s,
            self._worked_until_s,
            self._was_slow,
            tuple(self.left.items()),
            tuple(host.state() for host in self.hosts),
            tuple(self.calls),
            tuple(self.written),
            *self.service_key((Watching, LeaseSettings, Capacity)),
        )

    def _steps(self) -> list[_Step]:
        if self._settled:
            return []
        found: list[_Step] = [("faults stop", self._settles, 0)] if self._asks_to_settle else []
        if not isinstance(self.pending, NextInbound):
            found.append((f"the service does {type(self.pending).__name__}", self._takes_over, 0))
        elif self._has_news:
            found.append(("the service looks", self._looks, 0))
        for number, host in enumerate(self.hosts):
            found += self._steps_of(number, host)
        for at, (run, submit) in enumerate(self.commits):
            what = f"({written_keys(submit)}{'' if run == self.run else '; of a run before'})"
            found.append((f"commit {at} is applied {what}", self.apply, at))
            if self.left["unknown"] and submit.ticket and run == self.run:
                found.append((f"the answer to commit {at} is lost {what}", self.lose_answer, at))
            if self.left["away"] and submit.ticket and run == self.run:
                found.append((f"the store does not take commit {at} {what}", self._not_taken, at))
        if self.left["tick"]:
            found.append(("time passes", self._tick, 0))
        if self.left["slow"] and self._looked_s == self.now_s:
            found.append(("time passes while the service works", self._tick, 1))
        if self.left["crash"]:
            found.append(("the service crashes", self._crash, 0))
        return found

    def _steps_of(self, number: int, host: Host) -> list[_Step]:
        found: list[_Step] = []
        if host.reply is not None:
            kind = type(host.reply).__name__
            found.append((f"the answer arrives at {host.name}: {kind}", self._hear, number))
            if self.left["lost"]:
                found.append((f"the answer to {host.name} is lost: {kind}", self._lose, number))
        elif self._due(host) and not (host.fresh and any(other.fresh for other in self.hosts[:number])):
            found.append((f"{host.name} asks", self._ask, number))
        return found

    @property
    def _has_news(self) -> bool:
        return bool(self.calls or self.written) or self._looked_s != self.now_s

    def _due(self, host: Host) -> bool:
        next_s = host.holding.next_s
        return host.asked is None and next_s is not None and next_s <= self.now_s

    # -- hosts -------------------------------------------------------------------------------------------------

    def _ask(self, number: int) -> None:
        host = self.hosts[number]
        if self.now_s < host.not_before_s:
            self.broken = f"hints obeyed: {host.name} asks {host.not_before_s - self.now_s:.1f} s too early"
        self.calls.append(host.asks(self.now_s))

    def _hear(self, number: int) -> None:
        host = self.hosts[number]
        assert host.asked is not None
        assert host.reply is not None
        (ask, asked_s, _), result = host.asked, host.reply
        host.asked = host.reply = None
        if isinstance(result, TryLater):
            host.not_before_s = self.now_s + result.after_s
            self._refusals = True
        host.holding.answered(ask, result, asked_s=asked_s, now_s=self.now_s, chance=0.5)

    def _lose(self, number: int) -> None:
        self.left["lost"] -= 1
        self._unanswered(self.hosts[number])

    def _unanswered(self, host: Host) -> None:
        host.asked = host.reply = None
        host.holding.unanswered(now_s=self.now_s, chance=1.0)

    # -- time and faults -----------------------------------------------------------------------------------------

    def _tick(self, working: int) -> None:
        self.left["slow" if working else "tick"] -= 1
        self._passes(self._tick_s)
        if working:
            self._worked_until_s, self._was_slow = self.now_s, True

    def _passes(self, by_s: float) -> None:
        self.now_s += by_s
        for host in self.hosts:
            if host.asked is not None and host.reply is None and self.now_s >= host.asked[1] + TIMEOUT_S:
                host.gave_up_s = host.asked[1] + TIMEOUT_S
                self._unanswered(host)

    def _not_taken(self, at: int) -> None:
        self.left["away"] -= 1
        _, submit = self.commits.pop(at)
        self.written.append(Written(submit.ticket, CouldNotAsk("the store is away")))

    def _crash(self, _: int) -> None:
        self.left["crash"] -= 1
        self.crashed()

    def ended(self) -> None:
        """See `ServiceUnderSearch`: connections end."""
        for host in self.hosts:
            if host.asked is not None and host.reply is None:
                self._unanswered(host)
        self._looked_s = -1.0

    # -- the service ---------------------------------------------------------------------------------------------

    def _takes_over(self, _: int = 0) -> None:
        if isinstance(self.pending, Get | Range | Commit):
            self.one_operation()
        self._on()

    def _looks(self, _: int = 0) -> None:
        """One turn of its loop, and what must hold of it."""
        desk, began = self.desk(), len(self.commits)
        renewals = [call for call in self.calls if isinstance(call.ask, Renew)]
        late = desk is None or self._looked_s < 0 or self.now_s - self._looked_s > TIMEOUT_S / 2
        for host in self.hosts:
            host.taken_in = host.taken_in or any(host.waits_for(call.id) for call in self.calls)
        idle_s = 0.0 if self._looked_s < self._worked_until_s else self.now_s - max(self._looked_s, 0.0)
        inbound = Inbound(self.now_s, idle_s, 0.5, tuple(self.calls), tuple(self.written))
        self.calls, self.written, self._looked_s = [], [], self.now_s
        self.send(inbound)
        self._on()
        begun = [submit for _, submit in self.commits[began:]]
        for submit in begun:
            self._begun(submit)
        if not late and (begun or not self._was_slow):
            self._renewals_first(renewals)
        self._bounded()

    def _on(self) -> None:
        """What it does without being seen."""
        while not isinstance(self.pending, NextInbound | Get | Range | Commit):
            self.send(self._inward(self.pending))

    def replied(self, call: int, result: Result) -> None:
        """See `ServiceUnderSearch`."""
        for host in self.hosts:
            if host.waits_for(call):
                host.reply = result

    # -- what must hold ------------------------------------------------------------------------------------------

    def _renewals_first(self, renewals: list[Call]) -> None:
        for host in self.hosts:
            if any(host.waits_for(call.id) for call in renewals):
                refused = isinstance(host.reply, TryLater) and host.reply.why != BUSY
                if host.reply is None or refused:
                    self.broken = f"renewals first: {host.name} is not renewed in the step that took its call in"

    def _granted_by(self, submit: Submit) -> list[Host]:
        keys = {put.key for put in submit.commit.puts}
        return [host for host in self.hosts if Keys(SCOPE).lease(host.key) in keys]

    def _begun(self, submit: Submit) -> None:
        if any(put.key == Keys(SCOPE).lease_owner for put in submit.commit.puts):
            return  # settles what became of another
        for host in self._granted_by(submit):
            if host.asked is None and self.now_s > host.gave_up_s + LATE_S:
                self.broken = f"nothing in vain: a grant is begun for {host.name}, which does not wait"
            flights = [
                s for run, s in self.commits if run == self.run and s.ticket and host in self._granted_by(s)
            ]
            if len(flights) > 1:
                self.broken = f"nothing in vain: two grants for {host.name} are on their way"

    def _bounded(self) -> None:
        desk = self.desk()
        if desk is None:
            return
        on_their_way = [
            put
            for run, submit in self.commits
            if run == self.run and submit.ticket
            for put in submit.commit.puts
            if put.key.startswith(Keys(SCOPE).leases) and not settles(submit)
        ]
        waiting = [
            host
            for host in self.hosts
            if host.taken_in
            and host.asked is not None
            and not isinstance(host.asked[0], Renew)
            and host.reply is None
            and all(Keys(SCOPE).lease(host.key) != put.key for put in on_their_way)
        ]
        if len(on_their_way) > IN_WORK:
            self.broken = f"nothing in vain: {len(on_their_way)} grants at once, {IN_WORK} may be"
        if len(waiting) > WAITING or desk.queue.waiting(WRITE) > WAITING:
            self.broken = f"bounded: {max(len(waiting), desk.queue.waiting(WRITE))} wait, {WAITING} may"

    def _look_for_what_is_kept(self) -> None:
        desk = self.desk()
        if desk is None or self.broken:
            return
        for host in self.hosts:
            mine = desk.book.get(host.key)
            kept = mine is not None and mine.token == host.holding.token
            if host.holding.valid(now_s=self.now_s) and not kept:
                self.broken = f"kept: the lease of {host.name} is gone in the service, and valid for it"

    # -- when faults stop ----------------------------------------------------------------------------------------

    def _settles(self, _: int) -> None:
        self._calmly(SETTLING_S)
        if not self.broken:
            self._refusals = False
            self._calmly(TTL_S)
            missing = [host.name for host in self.hosts if not host.holding.valid(now_s=self.now_s)]
            if missing:
                self.broken = (
                    f"converges: {', '.join(missing)} without a lease {SETTLING_S + TTL_S:g} s after the faults"
                )
            elif self._refusals:
                self.broken = "converges: everybody holds, and somebody is still refused"
        self._settled = True

    def _calmly(self, for_s: float) -> None:
        """Everything arrives, everybody asks when it is due, for so long."""
        until_s = self.now_s + for_s
        while not self.broken:
            self._quiet()
            if self.now_s >= until_s:
                return
            self._passes(CALM_STEP_S)

    def _quiet(self) -> None:
        while not self.broken:
            if not isinstance(self.pending, NextInbound):
                self._takes_over()
                continue
            for number, host in enumerate(self.hosts):
                if host.reply is not None:
                    self._hear(number)
                if self._due(host):
                    self._ask(number)
            while self.commits:
                self.apply(0)
            if not self._has_news:
                return
            self._looks()
            self._look_for_what_is_kept()


def settles(submit: Submit) -> bool:
    """Whether a commit settles: it rewrites the owner's document."""
    return any(put.key == Keys(SCOPE).lease_owner for put in submit.commit.puts)
