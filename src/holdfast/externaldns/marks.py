"""The TXT records with which ExternalDNS's registry remembers whose a name is. Pure.

    text     "heritage=external-dns,external-dns/owner=cluster-1,external-dns/resource=ingress/default/shop"
    at       a-shop.example.com (since 0.12: type, dash, first label), shop.example.com (before), both with a
             prefix (`--txt-prefix`) or with a suffix behind the first label (`--txt-suffix`); `%{record_type}`
             in either stands for the type, which then does not come before the label

Encrypted marks (`--txt-encrypt-enabled`) are recognised by nobody without the key: they are no marks here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.model.external import Mark

HERITAGE: Final = "external-dns"
TEMPLATE: Final = "%{record_type}"
TYPES: Final = ("A", "AAAA", "CNAME", "NS", "MX", "SRV", "NAPTR")
OWNED_RECORD: Final = "ownedRecord"


class Affix(msgspec.Struct, frozen=True):
    """`--txt-prefix` or `--txt-suffix`, whichever is given."""

    prefix: str = ""
    suffix: str = ""


def labels_of(text: str) -> dict[str, str] | None:
    """The labels in a TXT value; None if it is no mark of ExternalDNS."""
    found: dict[str, str] = {}
    ours = False
    for token in text.strip().strip('"').split(","):
        key, equals, value = token.partition("=")
        if not equals or "=" in value:
            continue
        if key == "heritage":
            if value != HERITAGE:
                return None
            ours = True
        elif key.startswith(f"{HERITAGE}/"):
            found[key.removeprefix(f"{HERITAGE}/")] = value
    return found if ours else None


def mark_of(name: str, text: str, *, ttl: int = 0, affix: Affix, of: str = "") -> Mark | None:
    """A mark from its TXT record; `of` is the name it is about if that is known. None if it is no mark."""
    labels = labels_of(text)
    if labels is None:
        return None
    mapped, rtype = owned_name(name, affix)
    return Mark(name=name, text=text, owner=labels.get("owner", ""), of=of or mapped, rtype=rtype, ttl=ttl)


def resource_of(mark: Mark) -> str:
    """What in the cluster asks for the name."""
    return (labels_of(mark.text) or {}).get("resource", "")


def owned_name(name: str, affix: Affix) -> tuple[str, str]:
    """The name that a mark at `name` is about, and its records' type; both empty if the affix is missing."""
    prefix, suffix = affix.prefix.lower(), affix.suffix.lower()
    if suffix and not prefix:
        depth = suffix.count(".") + 1
        labels = name.split(".")
        head, rest = ".".join(labels[:depth]), ".".join(labels[depth:])
    else:
        head, rest = name, ""
    if TEMPLATE in prefix + suffix:
        for rtype in TYPES:
            found = _stripped(head, _with(prefix, rtype), _with(suffix, rtype))
            if found:
                return _joined(found, rest), rtype
        prefix, suffix = prefix.replace(TEMPLATE, ""), suffix.replace(TEMPLATE, "")
    found = _stripped(head, prefix, suffix)
    if not found:
        return "", ""
    first, dash, tail = found.partition("-")
    if dash and first.upper() in TYPES:
        return _joined(tail, rest), first.upper()
    return _joined(found, rest), ""


def _with(template: str, rtype: str) -> str:
    return template.replace(TEMPLATE, rtype.lower())


def _stripped(text: str, prefix: str, suffix: str) -> str:
    if not text.startswith(prefix) or not text.endswith(suffix):
        return ""
    return text.removeprefix(prefix).removesuffix(suffix)


def _joined(first: str, rest: str) -> str:
    return f"{first}.{rest}" if rest else first
