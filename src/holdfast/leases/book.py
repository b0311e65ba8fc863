"""The leases that are held, and the order in which they become overdue. Knows no store and no clock.

Renewals keep the book in order of time (each moves its lease to the end), so the oldest is always first, and a
renewal costs the same in a book of ten and of a million. A TTL that shrinks with the fleet shortens no promise: a
lease keeps the TTL that its holder was last told, and those behind it wait for it (late is safe, early is not).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from holdfast.leases.law import SIGN_SHARE, LeaseSettings, Velocity, ttl_s
from holdfast.model.lease import Lease


class Held:
    """A lease with its deadline."""

    __slots__ = ("deadline_s", "lease")

    def __init__(self, lease: Lease, deadline_s: float) -> None:
        self.lease = lease
        self.deadline_s = deadline_s


class Book:
    """All leases that are held, by key."""

    def __init__(self, settings: LeaseSettings, *, now_s: float) -> None:
        self.settings = settings
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._velocity = Velocity(settings.expire_share_per_s, now_s=now_s)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Lease]:
        return (held.lease for held in self._held.values())

    def get(self, key: str) -> Lease | None:
        """The lease of this key, if it is held."""
        held = self._held.get(key)
        return None if held is None else held.lease

    def left_s(self, key: str, *, now_s: float) -> float:
        """Seconds to its deadline, negative if it is overdue; 0 if nobody holds it."""
        held = self._held.get(key)
        return 0.0 if held is None else held.deadline_s - now_s

    @property
    def ttl_s(self) -> float:
        """The TTL that a fleet of this size is told."""
        return ttl_s(self.settings, fleet=len(self._held))

    def keep(self, lease: Lease, *, now_s: float) -> float:
        """Grant or renew: the lease lasts for another TTL from now, which is returned."""
        key = lease.key
        lasts_s = self.ttl_s
        held = self._held.get(key)
        if held is None:
            self._held[key] = Held(lease, now_s + lasts_s)
            return lasts_s
        held.lease = lease
        held.deadline_s = now_s + lasts_s
        self._held.move_to_end(key)
        return lasts_s

    def drop(self, key: str) -> Lease | None:
        """No longer held; the lease it was."""
        held = self._held.pop(key, None)
        return None if held is None else held.lease

    def take_over(self, leases: Iterable[Lease], *, now_s: float) -> None:
        """Begin with what the store has. All get a whole TTL of grace: it was we who were away, not they; and the
        time in which a service before us, that is not dead, may have gone on renewing.
        """
        found = sorted(leases, key=lambda lease: lease.token)
        lasts_s = ttl_s(self.settings, fleet=len(found)) * (1 + SIGN_SHARE)
        for lease in found:
            self._held[lease.key] = Held(lease, now_s + lasts_s)

    def grace(self, *, now_s: float) -> None:
        """All deadlines at least a TTL from now: for when expiry was suspended, and resumes."""
        lasts_s = self.ttl_s
        for held in self._held.values():
            held.deadline_s = max(held.deadline_s, now_s + lasts_s)

    def sweep(self, *, now_s: float) -> list[Lease]:
        """What runs out now, and is no longer held: overdue, the oldest first, within the velocity."""
        allowed = self._velocity.allow(held=len(self._held), now_s=now_s)
        out: list[Lease] = []
        while self._held and len(out) < allowed:
            first = next(iter(self._held.values()))
            if first.deadline_s >= now_s:
                break
            self._held.popitem(last=False)
            out.append(first.lease)
        self._velocity.spend(len(out))
        return out

    def overdue_in_s(self, *, now_s: float) -> float | None:
        """Seconds until the first lease is overdue (0 if one is); None for an empty book."""
        first = next(iter(self._held.values()), None)
        return None if first is None else max(0.0, first.deadline_s - now_s)
