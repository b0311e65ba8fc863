"""The least that a zone's key has to be allowed, in the words of its server: what `credentials-policy` prints.

Exactly the names of the file with their types, the fence (TXT), and, where a zone's serial has to be proved (R3),
the proof's record. A fence binds only writers that take part: with this, a key in wrong hands reaches nothing
else, and another key reaches nothing here.

    BIND       update-policy: name by name, type by type
    Knot       ACL: an update is let through by one rule or none, so names and types are one product
    PowerDNS   TSIG-ALLOW-DNSUPDATE is for a whole zone; a Lua policy narrows it
    Route 53   IAM conditions: all of a batch in one statement, so names, types and actions are one product
    embedded   its key may update its whole zone

Pure. What the configuration does not name any more but DNS still holds (orphans, names to be retired) is left out:
apply the policy of the file before a retirement, or add those names by hand until it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from holdfast.model.configuration import Configuration, ProviderKind, ZoneConfig
from holdfast.model.fence import fence_owner
from holdfast.providers.dialect import Dialect
from holdfast.providers.factory import DIALECTS
from holdfast.providers.proof import proof_owner

IAM_CHARACTERS_MAX: Final = 6144
"""Of a managed policy, white space not counted (IAM quotas)."""
ADDRESS_TYPES: Final = ("A", "AAAA")


class Needed(msgspec.Struct, frozen=True):
    """What one zone's key has to write. Names are absolute, without the final dot, sorted."""

    zone: ZoneConfig
    names: tuple[str, ...]
    below: tuple[str, ...]
    """Domains of which every name may come and go (ExternalDNS)."""
    own: tuple[str, ...]
    """Owners of TXT records of ours."""


class Policy(msgspec.Struct, frozen=True):
    """What is printed for one zone. `notes` are for whoever pastes it; none of it is secret."""

    zone: str
    provider: str
    text: str
    notes: tuple[str, ...] = ()


def policies(configuration: Configuration) -> tuple[Policy, ...]:
    """One for each zone, in the order of the file."""
    return tuple(_RENDERERS.get(z.provider, _dns_update)(needed(configuration, z)) for z in configuration.zones)


def needed(configuration: Configuration, zone: ZoneConfig) -> Needed:
    """What the key of a zone has to write for this configuration."""
    outside = () if configuration.external_dns is None else configuration.external_dns.domains
    own = [fence_owner(configuration.scope, zone.name)]
    dialect = DIALECTS.get(zone.provider)
    if isinstance(dialect, Dialect) and not dialect.serial_by_construction:
        own.append(proof_owner(configuration.scope, zone.name))
    return Needed(
        zone=zone,
        names=tuple(sorted(e.name for e in configuration.endpoints if e.zone == zone.name)),
        below=tuple(sorted(d for d in outside if d == zone.name or d.endswith(f".{zone.name}"))),
        own=tuple(own),
    )


def _bind(wanted: Needed) -> Policy:
    key = wanted.zone.key_name
    grants = [f"grant {key}. name {name}. A AAAA;" for name in wanted.names]
    grants += [f"grant {key}. subdomain {domain}. A AAAA;" for domain in wanted.below]
    grants += [f"grant {key}. name {owner}. TXT;" for owner in wanted.own]
    body = "".join(f"        {grant}\n" for grant in grants)
    text = (
        f'zone "{wanted.zone.name}" {{\n    update-policy {{\n{body}    }};\n'
        f'    allow-transfer {{ key "{key}"; }};\n}};\n'
    )
    notes = ("add both to the zone's own statement; update-policy takes the place of allow-update",)
    return Policy(wanted.zone.name, "bind", text, notes)


def _knot(wanted: Needed) -> Policy:
    key, id_ = wanted.zone.key_name, f"holdfast-{wanted.zone.name}"
    matches = (("equal", (*wanted.names, *wanted.own)), ("sub-or-equal", wanted.below))
    lines: list[str] = []
    for match, owners in matches:
        if owners:
            lines += [
                f"  - id: {id_}-{match}",
                f"    key: {key}",
                "    action: update",
                "    update-type: [A, AAAA, TXT]",
                "    update-owner: name",
                f"    update-owner-match: {match}",
                f"    update-owner-name: [{', '.join(f'{owner}.' for owner in owners)}]",
            ]
    lines += [f"  - id: {id_}-transfer", f"    key: {key}", "    action: transfer"]
    ids = ", ".join(line.split("id: ")[1] for line in lines if "- id: " in line)
    text = "\n".join(["acl:", *lines, "zone:", f"  - domain: {wanted.zone.name}", f"    acl: [{ids}]", ""])
    notes = (
        "Knot lets a message through by one rule or none, and a message has addresses beside the fence: so this"
        " key may also write TXT at the names, and addresses at the fence's owner",
    )
    return Policy(wanted.zone.name, "knot", text, notes)


_LUA = """-- lua-dnsupdate-policy-script: what the key `{key}` may update in {zone}
local key = "{key}."
local rights = {{
{rows}}}
function updatepolicy(input)
  if tostring(input:getTsigName()) ~= key then return false end
  local types = rights[string.lower(tostring(input:getQName()))]
  return types ~= nil and types[input:getQType()] == true
end
"""
_NUMBER: Final = {"A": 1, "TXT": 16, "AAAA": 28}


def _powerdns(wanted: Needed) -> Policy:
    rows = [(name, ADDRESS_TYPES) for name in wanted.names] + [(owner, ("TXT",)) for owner in wanted.own]
    listed = "".join(
        f'  ["{owner}."] = {{ {", ".join(f"[{_NUMBER[t]}] = true" for t in types)} }},\n' for owner, types in rows
    )
    zone, key = wanted.zone.name, wanted.zone.key_name
    commands = (
        f"-- pdnsutil set-meta {zone} TSIG-ALLOW-DNSUPDATE {key}\n"
        f"-- pdnsutil set-meta {zone} TSIG-ALLOW-AXFR {key}\n"
    )
    notes = (
        "a script is for the whole server: join those of several zones into one",
        "a script that drops a record still answers NOERROR; holdfast reads back and says so",
        "close the HTTP API, or give it to nobody: it knows no fence",
        *(
            f"{domain}: every name below it has to be allowed too, see `input:getQName()`"
            for domain in wanted.below
        ),
    )
    return Policy(zone, "powerdns", commands + _LUA.format(key=key, zone=zone, rows=listed), notes)


def _route53(wanted: Needed) -> Policy:
    settings = wanted.zone.route53
    assert settings is not None, "a zone on Route 53 has its settings"
    arn = f"arn:aws:route53:::hostedzone/{settings.zone_id}"
    names = [*wanted.names, *wanted.own, *(f"*.{d}" for d in wanted.below), *wanted.below]
    prefix = "route53:ChangeResourceRecordSets"
    operator = "ForAllValues:StringLike" if wanted.below else "ForAllValues:StringEquals"
    condition: dict[str, Any] = {
        operator: {f"{prefix}NormalizedRecordNames": sorted(names)},
        # ForAllValues holds for a request without the key as well.
        "Null": {f"{prefix}NormalizedRecordNames": "false"},
    }
    condition.setdefault("ForAllValues:StringEquals", {}).update(
        {f"{prefix}RecordTypes": ["A", "AAAA", "TXT"], f"{prefix}Actions": ["CREATE", "DELETE", "UPSERT"]}
    )
    statements = [
        {"Effect": "Allow", "Action": prefix, "Resource": arn, "Condition": condition},
        {
            "Effect": "Allow",
            "Action": ["route53:GetHostedZone", "route53:ListResourceRecordSets"],
            "Resource": arn,
        },
        {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    size = len(msgspec.json.encode(document))
    notes = [
        "all changes of a batch have to fit one statement, and a batch has addresses beside the fence: so names,"
        " types and actions are one product",
        "not tried on the live service; structure and condition keys are as the vendor documents them",
    ]
    if size > IAM_CHARACTERS_MAX:
        notes.append(
            f"{size} characters, a managed policy has at most {IAM_CHARACTERS_MAX}: give the scope a hosted zone"
            " of its own, and allow it whole"
        )
    return Policy(wanted.zone.name, "route53", text, tuple(notes))


def _embedded(wanted: Needed) -> Policy:
    text = f"# key {wanted.zone.key_name} may update and transfer {wanted.zone.name} as a whole; no finer here\n"
    return Policy(wanted.zone.name, wanted.zone.provider.value, text)


def _dns_update(wanted: Needed) -> Policy:
    found = _bind(wanted)
    notes = ("written as for BIND; another server has its own words for the same rights",)
    return Policy(found.zone, wanted.zone.provider.value, found.text, notes)


_RENDERERS: Final[dict[ProviderKind, Callable[[Needed], Policy]]] = {
    ProviderKind.BIND: _bind,
    ProviderKind.KNOT: _knot,
    ProviderKind.POWERDNS: _powerdns,
    ProviderKind.ROUTE53: _route53,
    ProviderKind.EMBEDDED: _embedded,
    ProviderKind.MEMORY: _embedded,
}
