"""What a host should have, and what brings it there. All rules are comparisons of generations.

For each file name the most special document counts (host over group over role over all); a deleted one uncovers
the next. What changed since generation g is looked up by name and answered with what counts *now*: so any number
of changes to a file are one, and a file that came and went in between is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from holdfast.model.delivery import Delivery, Document, File, Host
from holdfast.propagation.rules import snapshot_instead


class Work(IntEnum):
    """What a delivery is mainly: in the order in which they go first."""

    CREATE = 0
    """The host has nothing yet, and cannot serve."""
    UPDATE = 1
    DELETE = 2


class Catalogue:
    """The documents of a scope by selector. Only newer generations are taken in."""

    def __init__(self, documents: Iterable[Document] = (), floor: int = 0) -> None:
        self.floor = floor
        self._by_selector: dict[str, dict[str, Document]] = {}
        self._newest: dict[str, int] = {}
        for document in documents:
            self.take(document)

    def take(self, document: Document) -> bool:
        """A document from the store; False if it is no newer than what is known."""
        known = self._by_selector.setdefault(document.selector, {})
        old = known.get(document.name)
        if old is not None and old.generation >= document.generation:
            return False
        known[document.name] = document
        self._newest[document.selector] = max(self._newest.get(document.selector, 0), document.generation)
        return True

    def find(self, selector: str, name: str) -> Document | None:
        """A document, also a deleted one."""
        return self._by_selector.get(selector, {}).get(name)

    def desired(self, host: Host) -> int:
        """The generation that a host should have applied."""
        return max(self.floor, *(self._newest.get(selector, 0) for selector in host.selectors))

    def _counting(self, host: Host, name: str) -> Document | None:
        for selector in host.selectors:
            found = self.find(selector, name)
            if found is not None and not found.deleted:
                return found
        return None

    def delivery(self, host: Host, applied: int) -> Delivery:
        """What brings the host from `applied` to what is desired."""
        everything = applied < self.floor or applied == 0
        names: dict[str, bool] = {}
        for selector in host.selectors:
            for name, document in self._by_selector.get(selector, {}).items():
                names[name] = names.get(name, False) or document.generation > applied
        found = {name: self._counting(host, name) for name in sorted(names)}
        files = [name for name, document in found.items() if document is not None]
        changed = [name for name in files if names[name]]
        much = len(changed) > 1 and snapshot_instead(dirty=len(changed), documents=len(files))
        snapshot = everything or much
        sent = files if snapshot else changed
        gone = (
            () if snapshot else tuple(name for name, document in found.items() if document is None and names[name])
        )
        return Delivery(self.desired(host), tuple(_file(found[name]) for name in sent), gone, snapshot)

    def work(self, host: Host, applied: int) -> Work:
        """What kind of work the host's next delivery is."""
        if applied == 0:
            return Work.CREATE
        for selector in host.selectors:
            for name, document in self._by_selector.get(selector, {}).items():
                if document.generation > applied and self._counting(host, name) is not None:
                    return Work.UPDATE
        return Work.UPDATE if applied < self.floor else Work.DELETE


def _file(of: Document | None) -> File:
    assert of is not None, "only names with a document that counts are sent"
    return File(of.name, of.content, of.mode)
