"""Every plan that a search has met, by identity: what invariants compare DNS with, also after clean-up."""

from __future__ import annotations

from holdfast.lab.world.store import StoreCell
from holdfast.model.codec import Unreadable, decode, head_hash
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import PlanHead, Section
from holdfast.model.records import NameRecords


class Library:
    """Plans of one scope. Plans are immutable and named by their content, so remembering them is safe."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._names: dict[Identity, dict[str, NameRecords]] = {}
        self._heads: dict[Identity, PlanHead] = {}
        self._read: dict[StoreCell, tuple[Identity, ...]] = {}

    def take(self, store: StoreCell) -> tuple[Identity, ...]:
        """Learn the plans in a store; the identities whose head and chunks are all there, ascending."""
        found = self._read.get(store)
        if found is None:
            found = self._read[store] = tuple(sorted(self._whole(store)))
        return found

    def head(self, identity: Identity) -> PlanHead | None:
        """A plan's head, if it was ever seen."""
        return self._heads.get(identity)

    def names(self, identity: Identity) -> dict[str, NameRecords] | None:
        """A plan's names, if the whole plan was ever seen."""
        return self._names.get(identity)

    def newest(self, store: StoreCell) -> Identity | None:
        """Where the store's pointer points."""
        data = store.get(self.keys.newest)
        return None if data is None else decode(data, Identity)

    def _whole(self, store: StoreCell) -> list[Identity]:
        found = []
        for key in store.keys(self.keys.plans):
            data = store.get(key)
            assert data is not None
            try:
                head = decode(data, PlanHead)
            except Unreadable:
                continue
            identity = Identity(head.incarnation, head.generation, head_hash(head))
            self._heads[identity] = head
            chunks = [
                store.get(self.keys.chunk(identity.generation, identity.hash, i))
                for i in range(len(head.sections))
            ]
            if all(c is not None for c in chunks):
                found.append(identity)
                sections = [decode(c, Section) for c in chunks if c is not None]
                self._names.setdefault(identity, {n.name: n for s in sections for n in s.names})
        return found
