"""A lease as its holder knows it: what to ask next and when, and for how long it is still good. Pure.

    wanted -> establish -> held: renew at a third of the TTL -> (no answer) try again -> not valid -> ...
                 ^                                                                         |
                 +-- gone: nobody's or another's, with a higher token known <--------------+

*Validity.* The service counts a TTL from when it works on a call; the holder counts from when it *asked*, which is
earlier, and takes `DRIFT_SHARE` off for clocks of unequal rate. So the lease counts as lost here before it can be
given away there: by the monotonic clock of a machine that is not paused. A paused process can't know; for that
there is the guard at the resource.

A lease that is not valid any more keeps its token: an answer that comes late ("renewed") makes it valid again.

*A change* (another place, or a guard that knows more) is asked for as a new grant, and waits as long as the
service says: with all that want one, for minutes where a crowd does, or while the store is away. Renewals go on
meanwhile, of the lease as it was granted, with a time of their own: who holds a lease never stands behind
newcomers to keep it.

*Apart.* Whoever was kept waiting (no answer, or a refusal) is renewed with all the others that were. Two of its
turns are shortened at random, so that the crowd does not come back as one, turn after turn; not the first one,
which would compete with those of the crowd that still wait. New grants need no such thing: the store paces them,
and they cost more than the renewals that follow.
"""

from __future__ import annotations

import enum
from typing import Final

from holdfast.leases.law import renew_after_s, renew_apart_after_s, retry_after_s
from holdfast.model.lease import (
    Ask,
    Establish,
    Gone,
    Granted,
    Invalid,
    Place,
    Release,
    Released,
    Renew,
    Result,
    Taken,
    TryLater,
)

DRIFT_SHARE: Final = 0.01
TAKEN_POLL_S: Final = 10.0
TTL_GUESS_S: Final = 180.0
APART_TURNS: Final = 2
"""So often whoever was renewed late, with a crowd, renews at random in the second half of its turn, from the
second turn on: the sum of two such moments covers a whole turn."""
AGAIN_S: Final = 1.0
"""Whoever lost a lease asks anew within this: a crowd that lost all at once does not come back at one moment."""


class Change(enum.Enum):
    """What an answer changed for the holder."""

    GRANTED = "granted"
    """It is the holder's now, under a new token."""
    REGAINED = "regained"
    """It had counted as lost, and is still its own, under the old token."""
    LOST = "lost"
    """It must stop acting on it now."""
    RELEASED = "released"
    REFUSED = "refused"
    """The call is wrong: nothing more is asked."""


class Holding:
    """One lease of one holder. All times are of one monotonic clock."""

    def __init__(
        self, role: str, name: str, holder: str, *, place: Place | None, above: int, now_s: float
    ) -> None:
        self.role, self.name, self.holder = role, name, holder
        self.place = place
        self.above = above
        """The highest token that we know of."""
        self.token = 0
        self.ttl_s = TTL_GUESS_S
        self.leaves = False
        self.refused = ""
        self.taken_by = ""
        """The holder that has it, if it was another at the last answer."""
        self._renew_s = self._write_s = now_s
        """When to renew, and before when not to ask for what has to be written: a grant, a change, a release."""
        self._ended = False
        self._until_s = float("-inf")
        self._counted_valid = False
        self._told: Place | None = None
        self._anew = False
        self._attempt = 0
        self._waits = False
        self._crowd = 0

    # -- what it is ----------------------------------------------------------------------------------------

    @property
    def until_s(self) -> float:
        """When it ends if nothing more is heard; minus infinity if it was never granted."""
        return self._until_s

    def valid(self, *, now_s: float) -> bool:
        """Whether the holder may act on it."""
        return self.token > 0 and now_s < self._until_s

    def lapsed(self, *, now_s: float) -> bool:
        """Whether it has stopped being valid without an answer having said so: true once."""
        if not self._counted_valid or now_s < self._until_s:
            return False
        self._counted_valid = False
        return True

    @property
    def renews(self) -> bool:
        """Whether its next call is a renewal: these go first, here too."""
        if not self.token or self.leaves:
            return False
        return not self._changes or self._renew_s < self._write_s

    @property
    def next_s(self) -> float | None:
        """When to ask next; None: never."""
        if self._ended or (self.leaves and not self.token):
            return None
        return self._renew_s if self.renews else self._write_s

    @property
    def _changes(self) -> bool:
        """Whether the lease is to be granted anew, otherwise than it was."""
        return self._anew or self.place != self._told

    # -- what it asks --------------------------------------------------------------------------------------

    def ask(self) -> Establish | Renew | Release:
        """The call that is due."""
        if self.leaves and self.token:
            return Release(self.role, self.name, self.holder, self.token)
        if self.renews:
            return Renew(self.role, self.name, self.holder, self.token)
        return Establish(self.role, self.name, self.holder, self.place, self.above)

    def move(self, place: Place | None, *, now_s: float) -> None:
        """It serves elsewhere, or otherwise, from now on. Told now, or when a hint that it waits out allows it."""
        if place != self.place and not self.leaves:
            self.place, self._write_s = place, max(self._write_s, now_s)

    def know(self, token: int, *, now_s: float) -> None:
        """A guard refused us, and names a higher token: the lease is to be granted anew, above it."""
        if token >= max(self.above, self.token):
            self.above, self._write_s, self._anew = token, max(self._write_s, now_s), True

    def leave(self, *, now_s: float) -> None:
        """Give it back."""
        self.leaves, self._write_s = True, now_s

    # -- what it is told -----------------------------------------------------------------------------------

    def unanswered(self, *, now_s: float, chance: float) -> None:
        """No answer came: again after full jitter below a ceiling that doubles."""
        wait_s = retry_after_s(self.ttl_s, attempt=self._attempt, many=False, chance=chance)
        self._attempt += 1
        self.put_off(now_s + wait_s)

    def put_off(self, at_s: float) -> None:
        """It waits for the service until then: by its client's backoff, budget or breaker."""
        if self.renews:
            self._waits, self._crowd, self._renew_s = True, APART_TURNS + 1, at_s
        else:
            self._write_s = at_s

    def sooner(self, at_s: float) -> bool:
        """The service answers again, as another call has shown: no waiting any more. Whether that changes it."""
        if not self._waits or not self.renews or self._renew_s <= at_s:
            return False
        self._renew_s = at_s
        return True

    def answered(self, ask: Ask, result: Result, *, asked_s: float, now_s: float, chance: float) -> Change | None:
        """What the answer to a call made at `asked_s` changes."""
        self._attempt, self._waits = 0, False
        self.taken_by = result.holder if isinstance(result, Taken) else ""
        match result:
            case Granted():
                return self._granted(ask, result, asked_s, now_s, chance)
            case Gone():
                return self._gone(now_s, chance)
            case Taken():
                self._write_s = now_s + min(result.free_in_s + 0.1, TAKEN_POLL_S) * (0.9 + 0.1 * chance)
                return None
            case TryLater():
                self._later(ask, now_s + result.after_s)
                return None
            case Released():
                return self._end(Change.RELEASED)
            case Invalid():
                self.refused = result.why
                return self._end(Change.REFUSED)
            case _:
                self.refused = "this is no answer to a lease call"
                return self._end(Change.REFUSED)

    def _later(self, ask: Ask, at_s: float) -> None:
        """Refused: what was asked is asked then. A change that waits keeps no renewal waiting."""
        if isinstance(ask, Renew):
            self._renew_s, self._crowd = at_s, APART_TURNS + 1
        else:
            self._write_s = at_s

    def _granted(self, ask: Ask, granted: Granted, asked_s: float, now_s: float, chance: float) -> Change | None:
        was_valid, was = self._counted_valid, self.token
        self.token, self.ttl_s = granted.token, granted.ttl_s
        self.above = max(self.above, granted.token - 1)
        self._until_s = asked_s + granted.ttl_s * (1 - DRIFT_SHARE)
        self._counted_valid = now_s < self._until_s
        if isinstance(ask, Establish):
            self._told, self._anew, self._crowd = ask.place, self.above > granted.token, 0
        self._renew_s = max(now_s, asked_s + self._turn_s(chance))
        self._write_s = max(now_s, self._write_s) if self._changes else float("-inf")
        if was != granted.token:
            return Change.GRANTED
        return None if was_valid or not self._counted_valid else Change.REGAINED

    def _turn_s(self, chance: float) -> float:
        crowd, self._crowd = self._crowd, max(self._crowd - 1, 0)
        if 0 < crowd <= APART_TURNS:
            return renew_apart_after_s(self.ttl_s, chance=chance)
        return renew_after_s(self.ttl_s, chance=chance)

    def _gone(self, now_s: float, chance: float) -> Change | None:
        if self.leaves:
            return self._end(Change.RELEASED)
        self.above = max(self.above, self.token)
        was_valid, self._counted_valid = self._counted_valid, False
        self.token, self._until_s = 0, float("-inf")
        self._write_s = max(self._write_s, now_s + chance * AGAIN_S)
        return Change.LOST if was_valid else None

    def _end(self, change: Change) -> Change:
        self._ended = True
        self.token, self._until_s, self._counted_valid = 0, float("-inf"), False
        return change
