"""When all leases are held again after an outage that lost none: a prediction with its spread, in closed form.

N leases at C clients, renewed every tau seconds (10 % about it), good for a TTL; a service that renews mu a
second and was away for o. Its return is time 0; T is when the last lease has been renewed since. Three things can
be last:

*Turns.* What had no turn in the outage waits for its own. In a fleet whose turns are spread evenly, what is left
of a turn X at any moment exceeds x with S(x) = E[max(X - x, 0)] / E[X] (the residual life of renewal theory). For
X uniform in (a, b) with mean m: S = 1 - x / m up to a, (b - x)^2 / (2 m (b - a)) up to b. So P(all had their turn
by t) = (1 - S(o + t))^N; for a large fleet that comes true at about 1.1 tau - o, nearly for certain.
*Tries.* A client that found nobody asks again by its own patience (`law.patience_s`), and its other leases follow
at once: the same S, of the interval between two tries. P(all have tried by t) = (1 - S(t))^F, where F of the C
clients found nobody: C min(1, o N / (C tau)). Of a few clients none need have the longest wait; of many one has.
*Work.* Each lease is renewed once: N / mu. Renewals go first, so a crowd of new hosts does not lengthen it; and
first in, first out, so none is renewed twice before another had its first. Where the line grows longer than the
client's time-out W (its longest is the maximum over t of (1 - S(t)) N / mu - t) the service sends renewals away,
and these come back within the line's length: up to W later, half of it as a rule.

T is the latest of them: P(T <= t) = P(turns by t) P(tries by t), and not before the work is done.

*The range* is for nine runs in ten. What makes runs differ, by what was seen in virtual time:

- A message counts as one. A client sends along what is due within e (`law.early_most_s`), so its n leases are
  renewed in messages of 1 + n e / tau, together; of N / (1 + n e / tau) messages none need have the latest turn of
  N leases. The median is of so many turns, the early end too, and that one is earlier by what a lease is renewed
  early on the mean (e / 2 of those that go along). At the late end all N count, each at its own time.
- The last one's message waits behind others: rho / (2 (1 - rho)) of a message's work before it, as in any line of
  pieces of one size, and the work of its own.
- Work is done from the return on only if somebody comes at once, and who is sent away comes back when the line has
  gone: later by the longest line, but no more than twice the time-out. Too wide where nobody is sent away; a
  service that has just started sends some away below W already, while it knows little of its pace.

Taken for granted: turns are spread evenly (after a wave of renewals clients draw theirs apart,
`law.renew_apart_after_s`; a fleet that was granted all at once stays together for some twenty turns, and T is
*earlier* until then); tries fail at once, as they do when a process was killed (where packets vanish, each
takes the client's time-out besides); a backoff has grown to its client's patience, or so short an outage that
turns decide; the outage lost nothing.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from holdfast.leases.law import CALL_TIMEOUT_S, JITTER_SHARE, early_most_s, patience_s

LOW: Final = 0.05
HIGH: Final = 0.95
"""Nine times in ten it lies between these quantiles."""
LINES_MOST: Final = 2.0
"""Time-outs: who is sent away is back within these, however long the line was."""
HALVINGS: Final = 60
STEPS: Final = 100


class HeldAgain(msgspec.Struct, frozen=True):
    """Seconds from the service's return until every lease was renewed."""

    expected_s: float
    """The median."""
    least_s: float
    most_s: float
    """Nine times in ten it lies between these."""


class Interval(msgspec.Struct, frozen=True):
    """A wait that is drawn anew each time, uniform between two bounds in seconds."""

    least_s: float
    most_s: float

    def left_beyond(self, wait_s: float) -> float:
        """The chance that at any moment more than this is left of the current one: S of the module."""
        mean_s = (self.least_s + self.most_s) / 2
        if wait_s <= self.least_s:
            return 1 - max(wait_s, 0.0) / mean_s
        over_s = max(self.most_s - wait_s, 0.0)
        return over_s**2 / (2 * mean_s * (self.most_s - self.least_s)) if over_s else 0.0

    def all_over(self, wait_s: float, *, count: float) -> float:
        """The chance that of so many independent ones none has more than this left."""
        beyond = self.left_beyond(wait_s)
        if beyond >= 1:
            return 0.0 if count else 1.0
        return math.exp(count * math.log1p(-beyond))


def turn(renew_every_s: float) -> Interval:
    """Between two renewals of a lease."""
    return Interval(renew_every_s * (1 - JITTER_SHARE), renew_every_s * (1 + JITTER_SHARE))


class Messages(msgspec.Struct, frozen=True):
    """How a client's renewals go out: each message takes along what is due soon."""

    size: float
    """Leases in one, on the mean."""
    early_s: float
    """By which a lease is renewed before its time, on the mean."""

    @classmethod
    def of(cls, leases: float, *, ttl_s: float, renew_every_s: float) -> Messages:
        """Those of a client that holds so many."""
        most_s = early_most_s(ttl_s)
        along = leases * most_s / renew_every_s if leases > 1 else 0.0
        return cls(1 + along, most_s / 2 * along / (1 + along))


def longest_line_s(tries: Interval, *, work_s: float, load: float, due_share: float) -> float:
    """The longest wait at the service: who was due in the outage comes by its own patience, the others in turn."""
    moments = (tries.most_s * step / STEPS for step in range(1, STEPS + 1))
    spare = 1 - load * (1 - due_share)
    return max(due_share * work_s * (1 - tries.left_beyond(at_s)) - spare * at_s for at_s in moments)


def held_again(
    *,
    size: int,
    clients: int,
    ttl_s: float,
    renew_every_s: float,
    renewals_per_s: float,
    outage_s: float,
    timeout_s: float = CALL_TIMEOUT_S,
) -> HeldAgain:
    """The law of the module, for a service that can renew the fleet (rho < 1). `timeout_s` is W."""
    turns, tries = turn(renew_every_s), Interval(*patience_s(ttl_s, many=size > clients))
    messages = Messages.of(size / clients, ttl_s=ttl_s, renew_every_s=renew_every_s)
    failed = clients * min(1.0, size / clients * outage_s / renew_every_s)
    due_share, work_s = min(1.0, outage_s / renew_every_s), size / renewals_per_s
    load = work_s / renew_every_s
    line_s = longest_line_s(tries, work_s=work_s, load=load, due_share=due_share)
    away_s = timeout_s if line_s > timeout_s else 0.0
    # Behind the messages of a usual moment, and with all that its own client may have had due in the outage.
    waits_s = min(timeout_s, messages.size / renewals_per_s * load / (2 * (1 - load)))
    last_s = waits_s + due_share * work_s / clients

    def quantile(share: float, *, count: float, early_s: float = 0.0) -> float:
        low_s, high_s = 0.0, turns.most_s + tries.most_s
        for _ in range(HALVINGS):
            middle_s = (low_s + high_s) / 2
            turned = turns.all_over(outage_s + early_s + middle_s, count=count)
            over = turned * tries.all_over(middle_s, count=failed) >= share
            low_s, high_s = (low_s, middle_s) if over else (middle_s, high_s)
        return high_s

    return HeldAgain(
        max(quantile(0.5, count=size / messages.size), work_s + away_s / 2),
        max(quantile(LOW, count=size / messages.size, early_s=messages.early_s), work_s),
        max(quantile(HIGH, count=size), work_s + min(line_s, LINES_MOST * timeout_s)) + last_s,
    )
