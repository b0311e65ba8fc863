"""A whole fleet and its lease service in steps of a second, in numpy: 10^6 leases for hours of virtual time.

    each step:  who gives up -> who calls -> what is served -> who is refused -> who comes back when

The switches are those of `Design`, the rules those of `overload`, applied to all calls of a step at once:

| rule of `overload`            | here |
|---|---|
| lanes in strict priority      | renewals are served first, with what is left establishments |
| newest first above half depth | so many from the new end as stand above half depth, the rest from the old end |
| bounded, newcomer evicts      | what exceeds the depth after the step leaves at the old end, else at the new |
| finishable at admission       | the line is no longer than can be finished within W - 1.5 x cost |
| finishable when taken         | oldest first: dropped, and told, at W - 1.5 x cost; else it vanishes at W |
| hints                         | spread over min(backlog / spare, 120 s), backlog as the server knows it |

Lost by that: the order of calls within a step, and the learning of service times (they are known). Both show where
a step is not short beside W and the closed form. `tests/unit/fleet/test_fleet_model.py` holds it to the driver.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from holdfast.fleet.design import JITTER_CAP_S, Design, Outcome, Trouble
from holdfast.fleet.line import Line, Taken
from holdfast.fleet.wheel import Hosts, Wheel
from holdfast.leases.envelope import HELD_SHARE, Fleet
from holdfast.leases.law import JITTER_SHARE
from holdfast.overload.admission import MARGIN, queue_budget_s
from holdfast.overload.hints import CAP_S

RENEW, ESTABLISH = 0, 1
DEPTH_LEAST = 8


class Model:
    """A run. `step` moves it on by one step; `advance` until a time."""

    def __init__(
        self, fleet: Fleet, design: Design, *, seed: int, trouble: Trouble | None = None, step_s: float = 1.0
    ) -> None:
        self.fleet, self.design, self.step_s = fleet, design, step_s
        self.trouble = Trouble() if trouble is None else trouble
        self.costs = (1.0, fleet.cost)
        self.capacity_share = 0.0 if self.trouble.deaf_s else 1.0
        """How much of its rate the server has now. 0: it takes calls in and works on none."""
        self.admits_per_s = math.inf
        """People throttle: so many establishments are let in, the rest is refused."""
        self._admits = 0.0
        self._rng = np.random.default_rng(seed)
        self._back = self._steps(self.trouble.deaf_s)
        self._ttl, self._patience = self._steps(fleet.ttl_s), self._steps(fleet.timeout_s)
        on = design.protections
        line = Line(self.costs)
        self.lines = (line, Line(self.costs)) if on.strict_priority else (line, line)
        self._each_line = tuple(dict.fromkeys(self.lines))
        self._newest = on.newest_first
        budget_s = queue_budget_s(fleet.timeout_s)
        self._budgets_s = (design.renewal_line_s or budget_s, budget_s)
        horizon_s = max(CAP_S, JITTER_CAP_S, (1 + JITTER_SHARE) * fleet.renew_every_s + step_s, fleet.ttl_s) + 2
        self.wheel = Wheel(self._rng, horizon_s=horizon_s, step_s=step_s)
        self._hinted = np.zeros(self._steps(CAP_S) + 4, dtype=np.int64)
        self._outstanding = 0
        self._credit = 0.0
        self.recovered_s: float | None = None
        self.calls = 0
        self._count_anew()
        self._until = np.zeros(fleet.size, dtype=np.int32)
        self.held = 0
        self._begin()

    def _steps(self, seconds: float) -> int:
        return round(seconds / self.step_s)

    def _count_anew(self) -> None:
        self.attempts = self.succeeded = self.refused = 0
        self.begun = self.busy = self.stale = 0.0
        self._since = self.wheel.now

    def _begin(self) -> None:
        """Hosts as the trouble leaves them, each with its first call."""
        fleet = self.fleet
        everybody = self._rng.permutation(fleet.size).astype(np.intp, copy=False)
        tau_s = fleet.renew_every_s
        if self.trouble.free_s:
            raise ValueError(
                "an outage within the slack is for the driver: this model deals delays to whole groups"
            )
        kept = everybody[: round((1 - self.trouble.lost_share) * fleet.size)]
        self._until[kept] = self._steps(fleet.ttl_s - tau_s)
        self.wheel.deal(everybody, from_s=0.0, to_s=tau_s)
        self._recount()

    # -- the run -------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """The end of the last step."""
        return self.wheel.now * self.step_s

    def advance(self, until_s: float, *, until_recovered: bool = True) -> Outcome:
        """Until then, or (if asked for) until 99 % are held."""
        while self.now_s < until_s and not (until_recovered and self.recovered_s is not None):
            if self.wheel.now == self._back and self.trouble.deaf_s:
                self.capacity_share = 1.0
                self.wakes()
            self.step()
        return self.outcome()

    def wakes(self) -> None:
        """The trouble is over: recovery and all counts begin here."""
        self._back = self.wheel.now
        self.recovered_s = None
        self._count_anew()
        if self.design.drops_queue:
            self.drop_queue()

    def drop_queue(self) -> None:
        """Everything that waits is thrown away; its clients hear nothing, and try again after W and tau."""
        for line in self._each_line:
            hosts = line.clear()
            self.wheel.deal(hosts, from_s=0.9 * self.fleet.renew_every_s, to_s=1.1 * self.fleet.renew_every_s)

    def outcome(self) -> Outcome:
        """As of now."""
        could = (self.wheel.now - self._since) * self.step_s * self.fleet.renewals_per_s
        return Outcome(
            held_share=self.held / self.fleet.size,
            recovered_s=self.recovered_s,
            attempts=self.attempts,
            begun=round(self.begun),
            succeeded=self.succeeded,
            refused=self.refused,
            stale_share=self.stale / self.busy if self.busy else 0.0,
            busy_share=self.busy / could if could else 0.0,
            calls=self.calls,
        )

    def step(self) -> None:
        """One step."""
        hosts, changed = self.wheel.take(), False
        if not self._calm(hosts):
            self._hear_nothing()
            lost = self._call(hosts)
            established = self._serve()
            self._refuse_excess()
            changed = bool(lost or established)
        self.wheel.now += 1
        if self._outstanding:
            place = self.wheel.now % len(self._hinted)
            self._outstanding -= int(self._hinted[place])
            self._hinted[place] = 0
        if changed or self.wheel.now % 8 == 0:
            self._recount()

    def _calm(self, hosts: Hosts) -> bool:
        """A step in which nobody waits, and all who call are renewed at once: most steps of a run. It does what
        the long way would, in half the time; False, and nothing done, for any other step.
        """
        rate = self.fleet.renewals_per_s * self.step_s * self.capacity_share
        if len(hosts) * self.costs[RENEW] > self._credit + rate or not all(line.empty for line in self._each_line):
            return False
        if len(hosts):
            now = self.wheel.now
            if self._until[hosts].min() <= now:
                return False
            self.calls += len(hosts)
            self.busy += len(hosts) * self.costs[RENEW]
            self._until[hosts] = now + self._ttl
            self._deal_renewal(hosts)
        self._credit = 0.0  # what an idle server could have done is gone
        return True

    def _recount(self) -> None:
        self.held = int(np.count_nonzero(self._until > self.wheel.now))
        if self.recovered_s is None and self.succeeded and self.held >= HELD_SHARE * self.fleet.size:
            self.recovered_s = (self.wheel.now - self._back) * self.step_s

    def holding(self, many: int) -> NDArray[np.bool]:
        """Which of the first so many hosts hold a lease."""
        found: NDArray[np.bool] = self._until[:many] > self.wheel.now
        return found

    # -- clients -------------------------------------------------------------------------------------------

    def _call(self, hosts: Hosts) -> int:
        """Those whose time has come ask for a renewal or, without a lease, for one; how many of the latter."""
        if not len(hosts):
            return 0
        holds = self._until[hosts] > self.wheel.now
        count = int(np.count_nonzero(holds))
        self.calls += len(hosts)
        if count == len(hosts):
            self.lines[RENEW].put(self.wheel.now, RENEW, hosts)
            return 0
        if count:
            self.lines[RENEW].put(self.wheel.now, RENEW, hosts[holds])
            hosts = hosts[~holds]
        self.attempts += len(hosts)
        if self.admits_per_s < math.inf:
            hosts = self._throttle(hosts)
        self.lines[ESTABLISH].put(self.wheel.now, ESTABLISH, hosts)
        return len(hosts)

    def _throttle(self, hosts: Hosts) -> Hosts:
        """Who is let in; the others are refused."""
        self._admits = min(self._admits, max(1.0, self.admits_per_s)) + self.admits_per_s * self.step_s
        admitted = min(len(hosts), int(self._admits))
        self._admits -= admitted
        self._refuse(ESTABLISH, hosts[admitted:])
        return hosts[:admitted]

    def _hear_nothing(self) -> None:
        """Who waited for W gives up. In a line that drops the unfinishable, they are told a little before."""
        on = self.design.protections
        for line in self._each_line:
            if not line.waiting:
                continue
            told = on.finishable_when_taken and self.capacity_share > 0 and not self._lifo(line)
            margin_s = MARGIN * self.costs[ESTABLISH] / self.fleet.renewals_per_s if told else 0.0
            since = self.wheel.now - self._patience + math.ceil(margin_s / self.step_s)
            for lane, hosts in line.gives_up(since, keep=not on.finishable_when_taken):
                if told:
                    self._refuse(lane, hosts)
                else:
                    self._deal_renewal(hosts)

    def _deal_renewal(self, hosts: Hosts) -> None:
        tau_s = self.fleet.renew_every_s
        self.wheel.deal(hosts, from_s=(1 - JITTER_SHARE) * tau_s, to_s=(1 + JITTER_SHARE) * tau_s)

    def _refuse(self, lane: int, hosts: Hosts) -> None:
        """They are told at once, with a hint if the design has them."""
        self.refused += lane * len(hosts)
        if not self.design.hints:
            self.wheel.deal(hosts, from_s=0.0, to_s=JITTER_CAP_S)
        elif lane == RENEW:
            waits_s = self.lines[RENEW].pieces / self.fleet.renewals_per_s
            self.wheel.deal(hosts, from_s=0.0, to_s=_rounded(waits_s))
        else:
            self._hint(hosts)

    def _hint(self, hosts: Hosts) -> None:
        """As `retry_after_s`, for a whole group: the backlog grows with each of them, half of it on average."""
        rate_per_s = self.fleet.renewals_per_s
        spare_per_s = (rate_per_s - self.held / self.fleet.renew_every_s) / self.costs[ESTABLISH]
        backlog = self._outstanding + self.lines[ESTABLISH].pieces + len(hosts) / 2
        span_s = CAP_S if spare_per_s <= 0 else min(backlog / spare_per_s, CAP_S)
        at, counts = self.wheel.deal(hosts, from_s=0.0, to_s=_rounded(span_s))
        at %= len(self._hinted)
        room = len(self._hinted) - at
        self._hinted[at : at + len(counts)] += counts[:room]
        self._hinted[: max(0, len(counts) - room)] += counts[room:]
        self._outstanding += len(hosts)

    # -- the server ----------------------------------------------------------------------------------------

    def _serve(self) -> int:
        """What the server does in this step; how many leases it established."""
        rate = self.fleet.renewals_per_s * self.step_s * self.capacity_share
        self._credit += rate
        before, idle = self.succeeded, True
        for line in self._each_line:
            if not line.empty:
                self._serve_line(line)
            idle = idle and line.empty
        if idle:
            self._credit = min(self._credit, 0.0)  # what an idle server could have done is gone
        self._credit = min(self._credit, max(rate, self.costs[ESTABLISH]))
        return self.succeeded - before

    def _serve_line(self, line: Line) -> None:
        turned = self._turned(line)
        for newest, most in ((True, turned), (False, math.inf)):
            while most >= 1:
                work = min(self._credit, most * self._dearest(line))
                taken = line.take(work, newest=newest, step=self.wheel.now)
                if taken is None:
                    break
                most -= len(taken.hosts)
                self._work(taken)

    def _dearest(self, line: Line) -> float:
        return self.costs[RENEW if line is self.lines[RENEW] and line is not self.lines[ESTABLISH] else ESTABLISH]

    def _turned(self, line: Line) -> float:
        """How many are served from the new end before the line is short enough to turn back."""
        return max(0.0, line.pieces - self._depth(line) / 2) if self._lifo(line) else 0.0

    def _lifo(self, line: Line) -> bool:
        return self._newest and line is self.lines[ESTABLISH]

    def _depth(self, line: Line) -> float:
        """As `Admission.depth`: the budget in seconds, at this line's rate; in a mixed line at the dearest."""
        lane = ESTABLISH if line is self.lines[ESTABLISH] else RENEW
        rate_per_s = self.fleet.renewals_per_s / self.costs[lane]
        return max(DEPTH_LEAST, int(self._budgets_s[lane] * rate_per_s))

    def _work(self, taken: Taken) -> None:
        """Work is done, for somebody or for nobody."""
        hosts = taken.hosts
        stale = taken.stale[0] * self.costs[RENEW] + taken.stale[1] * self.costs[ESTABLISH]
        work = stale + len(hosts) * self.costs[taken.lane]
        self._credit -= work
        self.busy += work
        self.stale += stale
        self.begun += taken.stale[1] + taken.lane * len(hosts)
        if not len(hosts):
            return
        if taken.lane == RENEW and taken.waited:
            hosts = self._without_gone(hosts)
        self._until[hosts] = self.wheel.now + self._ttl
        self.succeeded += taken.lane * len(hosts)
        self._deal_renewal(hosts)

    def _without_gone(self, hosts: Hosts) -> Hosts:
        """A renewal whose lease ran out while it waited is told so; its client establishes at once."""
        holds = self._until[hosts] > self.wheel.now
        if holds.all():
            return hosts
        self.wheel.put(hosts[~holds], 1)
        return hosts[holds]

    def _refuse_excess(self) -> None:
        """What stands beyond the depth, or beyond what can be finished in time."""
        on = self.design.protections
        for line in self._each_line:
            if line.empty:
                continue
            if on.finishable_at_admission and not self._lifo(line):
                self._let_go(line, self._finishable(line), newest=True)
            if on.bounded_queue:
                self._let_go(line, int(self._depth(line)), newest=not self._lifo(line))

    def _finishable(self, line: Line) -> int:
        """The longest line whose last can still be finished within W."""
        rate_per_s = self.fleet.renewals_per_s
        lane = ESTABLISH if line is self.lines[ESTABLISH] else RENEW
        before = self.lines[RENEW].pieces if line is not self.lines[RENEW] else 0.0
        left_s = self.fleet.timeout_s - MARGIN * self.costs[lane] / rate_per_s - before / rate_per_s
        return max(0, int(left_s * rate_per_s / self.costs[lane]))

    def _let_go(self, line: Line, most: int, *, newest: bool) -> None:
        for lane, hosts in line.trim(most, newest=newest):
            self._refuse(lane, hosts)


def _rounded(span_s: float) -> float:
    """Spans in half seconds: few different ones, so that their shares are worked out once."""
    return max(0.5, math.ceil(span_s * 2) / 2)
