"""The wire types of ExternalDNS's webhook contract, as its `api/webhook.yaml` and its own client have them.

Where the two differ, both are served: the published schema calls the domain filter's list `filters`, the client
reads `include`; the schema spells `create`, versions before 0.15 send `Create`; empty lists come as null.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/external.dns.webhook+json;version=1"
BYTES_MAX: Final = 32 * 1024 * 1024
"""As ExternalDNS's own webhook server takes."""


class Property(msgspec.Struct, frozen=True):
    """A provider-specific property."""

    name: str = ""
    value: str = ""


class Endpoint(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A record set."""

    dns_name: str = ""
    targets: tuple[str, ...] | None = None
    record_type: str = ""
    set_identifier: str = ""
    record_ttl: int = msgspec.field(default=0, name="recordTTL")
    labels: dict[str, str] | None = None
    provider_specific: tuple[Property, ...] | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The targets; none if there is no list."""
        return self.targets or ()

    def label(self, key: str) -> str:
        """One of ExternalDNS's labels, empty if it is not there."""
        return (self.labels or {}).get(key, "")


class Changes(msgspec.Struct, frozen=True, rename="camel"):
    """A batch: create, update pairwise, delete."""

    create: tuple[Endpoint, ...] | None = None
    update_old: tuple[Endpoint, ...] | None = None
    update_new: tuple[Endpoint, ...] | None = None
    delete: tuple[Endpoint, ...] | None = None


class DomainFilter(msgspec.Struct, frozen=True):
    """What this provider serves, in the words of the client and of the published schema."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    filters: tuple[str, ...]


class Malformed(ValueError):
    """A body that is not what the contract says; the text says what and where."""


_FIELDS: Final = {name.lower(): name for name in ("create", "updateOld", "updateNew", "delete")}


def read_changes(body: bytes) -> Changes:
    """A batch of changes.

    Raises:
        Malformed: it is none.
    """
    found = _json(body, dict[str, Any])
    return _convert({_FIELDS.get(key.lower(), key): value for key, value in found.items()}, Changes)


def read_endpoints(body: bytes) -> tuple[Endpoint, ...]:
    """A list of endpoints; null is an empty one.

    Raises:
        Malformed: it is none.
    """
    return _json(body, tuple[Endpoint, ...] | None) or ()


def _json(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not what the webhook contract says: {error}") from error


def _convert(value: Any, kind: type[Changes]) -> Changes:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"not what the webhook contract says: {error}") from error


def speaks(header: str, *, wildcards: bool) -> bool:
    """Whether a Content-Type or Accept header names our media type; an absent header is taken as it.

    ExternalDNS before 0.14.1 sends no Content-Type. `wildcards` are for Accept.
    """
    if not header.strip():
        return True
    return any(_same(one, wildcards) for one in header.split(","))


def _same(text: str, wildcards: bool) -> bool:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    if wildcards and kind in ("*/*", "application/*"):
        return True
    version = [p for p in parameters if p.startswith("version=")]
    return kind == "application/external.dns.webhook+json" and version in ([], ["version=1"], ['version="1"'])
