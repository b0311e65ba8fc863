"""What clusters asked for by ExternalDNS's webhook, and whose it is: one document of a scope.

It is the truth for `GET /records`; the names in it stand in the configuration document too, written in the same
transaction. Marks are the TXT records of ExternalDNS's registry, kept word for word: never in DNS, read back as
written.
"""

from __future__ import annotations

import msgspec

SOURCE = "external-dns"
"""`source` of endpoints and groups that come from here."""


class ClusterName(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name as it was accepted. Addresses are sorted; `ttl` is that of both families, seconds."""

    name: str
    ttl: int
    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    owner: str = ""
    """The owner id of the ExternalDNS that wrote it (`--txt-owner-id`)."""
    resource: str = ""
    """What in the cluster asks for it, such as `ingress/default/shop`."""
    deleted_at: int = 0
    """The document's revision that asked for its deletion; 0 if none did. It stays in DNS until it is retired."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A TXT record of ExternalDNS's registry: `owner` owns the records of `rtype` at `of`."""

    name: str
    """Where the registry put it."""
    text: str
    """As it was written, with its quotes if it had any."""
    owner: str
    of: str = ""
    """The name that it is about; empty if it can't be told from the mark's own name."""
    rtype: str = ""
    """Empty in marks of versions before 0.12, which stood for all types."""
    ttl: int = 0


class ClusterNames(msgspec.Struct, frozen=True):
    """The document; `revision` rises with each change. Names and marks are sorted by name."""

    revision: int = 0
    names: tuple[ClusterName, ...] = ()
    marks: tuple[Mark, ...] = ()
    retired: int = 0
    """How many batches of deleted names were retired: each starts a new window."""
    format: int = 1

    @property
    def present(self) -> tuple[ClusterName, ...]:
        """Names that nobody asked to delete."""
        return tuple(n for n in self.names if not n.deleted_at)
