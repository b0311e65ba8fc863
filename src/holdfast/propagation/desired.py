"""What a host should have, and what brings it there. All rules are comparisons of generations.

For each file name the most special document counts (host over group over role over all); a deleted one uncovers
the next. What changed since generation g is looked up by name and answered with what counts *now*: so any number
of changes to a file are one, and a file that came and went in between is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum

from holdfast.model.delivery import Delivery, Document, File, Host, Version, digest_of
from holdfast.propagation.rules import snapshot_instead


class Work(IntEnum):
    """What a delivery is mainly: in the order in which they go first."""

    CREATE = 0
    """The host has nothing yet, and cannot serve."""
    UPDATE = 1
    DELETE = 2


class Catalogue:
    """The documents of a scope by selector. Only newer generations are taken in."""

    def __init__(self, documents: Iterable[Document] = (), *, floor: int = 0, whole: bool = True) -> None:
        self.floor = floor
        self.whole = whole
        """Whether all documents could be read. If not, no digest is known: a host must not lose a file by that."""
        self._by_selector: dict[str, dict[str, Document]] = {}
        self._newest: dict[str, int] = {}
        self._contents: dict[tuple[str, str], bytes] = {}
        """SHA-256 of each content."""
        self._digests: dict[tuple[str, ...], str] = {}
        """By the selectors that have documents: hosts that share these share the digest."""
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
        self._contents[document.selector, document.name] = hashlib.sha256(document.content).digest()
        self._digests.clear()
        return True

    def follows(self, older: Catalogue) -> bool:
        """Whether these are the documents of the same history, later: none is gone, older, or another one."""
        return all(
            (now := self.find(selector, name)) is not None and (now.generation > was.generation or now == was)
            for selector, documents in older._by_selector.items()
            for name, was in documents.items()
        )

    def find(self, selector: str, name: str) -> Document | None:
        """A document, also a deleted one."""
        return self._by_selector.get(selector, {}).get(name)

    def in_the_way(self, name: str) -> Document | None:
        """A document whose file would be a directory of this name's, or the other way round.

        Also one for other hosts: which host is of which role and group is known when it asks, and then it is too
        late.
        """
        return next(
            (
                found
                for documents in self._by_selector.values()
                for found in documents.values()
                if not found.deleted and (found.name.startswith(f"{name}/") or name.startswith(f"{found.name}/"))
            ),
            None,
        )

    def desired(self, host: Host) -> Version:
        """What a host should have applied."""
        generation = max(self.floor, *(self._newest.get(selector, 0) for selector in host.selectors))
        return Version(generation, self._digest(host) if generation and self.whole else "")

    def _digest(self, host: Host) -> str:
        selectors = tuple(selector for selector in host.selectors if selector in self._by_selector)
        found = self._digests.get(selectors)
        if found is None:
            names = {name for selector in selectors for name in self._by_selector[selector]}
            counting = [document for name in names if (document := self._counting(host, name)) is not None]
            found = digest_of((of.name, of.mode, self._contents[of.selector, of.name]) for of in counting)
            self._digests[selectors] = found
        return found

    def _counting(self, host: Host, name: str) -> Document | None:
        for selector in host.selectors:
            found = self.find(selector, name)
            if found is not None and not found.deleted:
                return found
        return None

    def delivery(self, host: Host, has: Version) -> Delivery:
        """What brings the host from what it has to what is desired.

        Whether it has what was published up to that generation it finds out itself, by the digest: of a history
        that was lost nobody else knows.
        """
        applied, desired = has.generation, self.desired(host)
        everything = applied < self.floor or applied == 0 or applied >= desired.generation
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
        files_ = tuple(_file(found[name]) for name in sent)
        return Delivery(desired.generation, files_, gone, snapshot, desired.digest)

    def work(self, host: Host, has: Version) -> Work:
        """What kind of work the host's next delivery is."""
        applied = has.generation
        if applied == 0:
            return Work.CREATE
        for selector in host.selectors:
            for name, document in self._by_selector.get(selector, {}).items():
                if document.generation > applied and self._counting(host, name) is not None:
                    return Work.UPDATE
        return Work.UPDATE if applied < self.floor or applied >= self.desired(host).generation else Work.DELETE


def _file(of: Document | None) -> File:
    assert of is not None, "only names with a document that counts are sent"
    return File(of.name, of.content, of.mode)
