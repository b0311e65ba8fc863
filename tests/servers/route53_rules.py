"""Route 53's rules on record sets, strictly: what the service refuses, by the vendor's own sentences.

`RULES` names each rule with its source. Sentences of the model are checked to be there word by word
(`unit/providers/test_route53_fake.py`); those of the Developer Guide are quoted with the chapter; where the vendor
is silent the text of the service's own refusal is cited, from public threads.
Changes of a batch are judged in their order, on what the ones before have left: the strictest reading of "Route 53
validates the changes in the request", so that a client that passes here rests on no kinder one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

MODEL, GUIDE, SEEN = "the service model", "Route 53 Developer Guide", "the service's own words, in public threads"

RULES: dict[str, tuple[str, str, str]] = {
    "atomic": (
        MODEL,
        "ChangeResourceRecordSets",
        "Route 53 validates the changes in the request and then either makes all or none of the changes",
    ),
    "delete exact": (
        MODEL,
        "ChangeResourceRecordSets",
        "To delete a resource record set, you must specify all the same values that you specified when"
        " you created it",
    ),
    "delete value": (
        MODEL,
        "RData",
        "In the case of a DELETE action, if the current value does not match the actual value, an error"
        " is returned",
    ),
    "delete twice": (
        MODEL,
        "ChangeResourceRecordSets",
        "If you try to delete the same resource record set more than once in a single change batch, Route"
        " 53 returns"
        " an InvalidChangeBatch error",
    ),
    "create existing": (
        SEEN,
        "node-route53-updater #3",
        "Tried to create resource record set [...] but it already exists",
    ),
    "upsert": (
        MODEL,
        "Change",
        "If a resource record set doesn't already exist, Route 53 creates it. If a resource record set does exist,"
        " Route 53 updates it with the values in the request",
    ),
    "simple beside policy": (
        SEEN,
        "external-dns #1411, external-dns-management #513",
        "cannot be created as a non-weighted set exists with the same name and type",
    ),
    "identifier unique": (
        MODEL,
        "ResourceRecordSet",
        "the value of SetIdentifier must be unique for each resource record set",
    ),
    "weight everywhere": (
        MODEL,
        "ResourceRecordSet",
        "You must specify a value for the Weight element for every weighted resource record set",
    ),
    "weighted one record": (
        MODEL,
        "ResourceRecordSet",
        "You can only specify one ResourceRecord per weighted resource record set",
    ),
    "weighted hundred": (
        MODEL,
        "ResourceRecordSet",
        "You can create a maximum of 100 weighted resource record sets that have the same values for the Name and"
        " Type elements",
    ),
    "weighted one ttl": (
        MODEL,
        "ResourceRecordSet",
        "All of the resource record sets in a group of weighted resource record sets must have the same"
        " value for TTL",
    ),
    "multivalue": (
        MODEL,
        "ResourceRecordSet",
        "create one multivalue answer record for each resource and specify true for MultiValueAnswer",
    ),
    "multivalue alias": (MODEL, "ResourceRecordSet", "You can't create multivalue answer alias records"),
    "alias without ttl": (
        MODEL,
        "ResourceRecordSet",
        "If you're creating or updating an alias resource record set, omit TTL",
    ),
    "one cname": (
        MODEL,
        "RData",
        "You can specify more than one value for all record types except CNAME and SOA",
    ),
    "cname alone": (
        SEEN,
        "terraform #9732, amazon.aws #2694",
        "RRSet of type A with DNS name ... is not permitted because a conflicting RRSet of type CNAME"
        " with the same DNS"
        " name already exists in zone",
    ),
    "wildcard ns": (
        MODEL,
        "ResourceRecordSet",
        "You can't use the * wildcard for resource records sets that have a type of NS",
    ),
    "records limit": (
        GUIDE,
        "Quotas",
        "A request cannot contain more than 1,000 ResourceRecord elements. When the value of the Action element is"
        " UPSERT, each ResourceRecord element is counted twice",
    ),
    "characters limit": (
        GUIDE,
        "Quotas",
        "The sum of the number of characters (including spaces) in all Value elements in a request cannot"
        " exceed 32,000"
        " characters. When the value of the Action element is UPSERT, each character in a Value element"
        " is counted twice",
    ),
    "throttling": (
        GUIDE,
        "Quotas",
        "All requests: Five requests per second per AWS account. If you submit more than five requests per second,"
        " Amazon Route 53 returns an HTTP 400 error (Bad request) ... Code element with a value of Throttling",
    ),
    "prior request": (
        MODEL,
        "PriorRequestNotComplete",
        "If Amazon Route 53 can't process a request before the next request arrives, it will reject"
        " subsequent requests"
        " for the same hosted zone and return an HTTP 400 error",
    ),
    "pending": (
        MODEL,
        "ChangeResourceRecordSets",
        "While your changes are propagating, GetChange returns a status of PENDING . When propagation is complete,"
        " GetChange returns a status of INSYNC",
    ),
    "list order": (
        MODEL,
        "ListResourceRecordSets",
        "ListResourceRecordSets sorts results first by DNS name with the labels reversed",
    ),
    "list pending": (MODEL, "ListResourceRecordSets", "This includes records that are PENDING"),
    "list page": (
        MODEL,
        "ListResourceRecordSets",
        "ListResourceRecordSets returns up to 300 resource record sets at a time in ASCII order",
    ),
    "list type without name": (
        MODEL,
        "ListResourceRecordSets",
        "If you specify Type but not Name Amazon Route 53 returns the InvalidInput error",
    ),
    "text strings": (
        GUIDE,
        "Supported DNS record types, TXT",
        "A TXT record contains one or more strings that are enclosed in double quotation marks ... up to"
        " 255 characters"
        " in a single string",
    ),
    "names escaped": (
        GUIDE,
        "DNS domain name format",
        "For any other characters ... use escape codes in the format \\three-digit octal code",
    ),
    "apex stays": (
        GUIDE,
        "NS and SOA records that Route 53 creates",
        "the NS and SOA record of the zone can't be deleted",
    ),
}

VALUES_MAX = 400
RECORDS_MAX = 1_000
CHARACTERS_MAX = 32_000
GROUP_MAX = 100
_STRING = r'"((?:[^"\\]|\\.)*)"'
_POLICIES = ("Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "CidrRoutingConfig")

Set = dict[str, Any]
Key = tuple[str, str, str]


class BadInput(ValueError):
    """InvalidInput: the request makes no sense by itself, whatever the zone holds."""


def name_of(written: str) -> str:
    """A name in one form: escapes resolved, lower case, no final dot."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), written).removesuffix(".").lower()


def written_name(name: str) -> str:
    """A name as the API writes it ("names escaped")."""
    plain = "".join(c if re.fullmatch(r"[a-z0-9_.-]", c) else f"\\{ord(c):03o}" for c in name)
    return f"{plain}."


def list_position(key: Key) -> tuple[str, str, str]:
    """ "list order": labels reversed with a trailing dot, then type, then identifier."""
    name, rtype, identifier = key
    return ".".join(reversed(name.split("."))) + ".", rtype, identifier


def key_of(one: Set) -> Key:
    """What identifies a record set."""
    return name_of(one["Name"]), one["Type"], one.get("SetIdentifier", "")


def kept(one: Set) -> Set:
    """A record set as it is stored: name in API form, values in an order of their own."""
    stored = {**one, "Name": written_name(name_of(one["Name"]))}
    if "ResourceRecords" in one:
        stored["ResourceRecords"] = sorted(one["ResourceRecords"], key=lambda r: r["Value"])
    return stored


def judge_limits(changes: list[dict[str, Any]]) -> list[str]:
    """ "records limit", "characters limit"."""
    records = characters = 0
    for change in changes:
        times = 2 if change["Action"] == "UPSERT" else 1
        values = [r["Value"] for r in change["ResourceRecordSet"].get("ResourceRecords", ())]
        records += times * len(values)
        characters += times * sum(map(len, values))
    found = []
    if records > RECORDS_MAX:
        found.append(f"Number of records limit of {RECORDS_MAX} exceeded.")
    if characters > CHARACTERS_MAX:
        found.append(f"Value length limit {CHARACTERS_MAX} exceeded.")
    return found


def judge_set(one: Set, zone: str) -> str:
    """What is wrong with a record set by itself; empty if nothing.

    Raises:
        BadInput: its elements contradict each other.
    """
    name, rtype, _ = key_of(one)
    policies = [p for p in _POLICIES if p in one]
    if ("SetIdentifier" in one) != bool(policies) or len(policies) > 1:
        raise BadInput(f"Expected exactly one of {list(_POLICIES)} with SetIdentifier, but found {policies}")
    alias = "AliasTarget" in one
    if alias == ("ResourceRecords" in one) or alias == ("TTL" in one):
        raise BadInput("Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]]")
    if alias and one.get("MultiValueAnswer"):
        raise BadInput(RULES["multivalue alias"][2])
    if name != zone and not name.endswith(f".{zone}"):
        return f"RRSet with DNS name {written_name(name)} is not permitted in zone {zone}."
    if rtype == "NS" and name.startswith("*."):
        return RULES["wildcard ns"][2]
    if rtype == "CNAME" and name == zone:
        return f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {zone}."
    values = [r["Value"] for r in one.get("ResourceRecords", ())]
    if len(values) > (
        1 if "Weight" in one or "MultiValueAnswer" in one or rtype in ("CNAME", "SOA") else VALUES_MAX
    ):
        return (
            f"{len(values)} values for {name} {rtype}: {RULES['weighted one record'][2]}; {RULES['one cname'][2]}"
        )
    if len(set(values)) != len(values):
        return f"Duplicate Resource Record in {name} {rtype}"
    return next(filter(None, (_bad_value(rtype, value) for value in values)), "")


def _bad_value(rtype: str, value: str) -> str:
    if rtype in ("A", "AAAA"):
        try:
            good = ipaddress.ip_address(value).version == (4 if rtype == "A" else 6)
        except ValueError:
            good = False
        return "" if good else f"Invalid Resource Record: '{value}' is no address of type {rtype}"
    if rtype == "TXT":
        if not re.fullmatch(rf"{_STRING}(?: {_STRING})*", value):
            return f"Invalid Resource Record: {value} should be enclosed in quotation marks"
        strings = [re.sub(r"\\([0-7]{3}|.)", "x", s) for s in re.findall(_STRING, value)]
        if any(len(s) > 255 for s in strings):
            return f"Invalid Resource Record: {value[:20]}... is longer than 255 characters"
    return ""


def judge_change(action: str, one: Set, sets: dict[Key, Set], deleted: set[Key], zone: str) -> str:
    """What the zone has against a change; empty if nothing."""
    key = key_of(one)
    name, rtype, identifier = key
    shown = f"[name='{written_name(name)}', type='{rtype}'" + (
        f", set-identifier='{identifier}']" if identifier else "]"
    )
    if action == "DELETE":
        return _judge_delete(key, kept(one), sets, deleted, zone, shown)
    if action == "CREATE" and key in sets:
        return f"Tried to create resource record set {shown} but it already exists"
    group = [s for k, s in sets.items() if k[:2] == key[:2] and k != key]
    where = f"RRSet with DNS name {written_name(name)}, type {rtype}"
    if identifier and any("SetIdentifier" not in s for s in group):
        return f"{where}, SetIdentifier {identifier} {RULES['simple beside policy'][2]}."
    if not identifier and group:
        return f"{where} cannot be created as other RRSets exist with the same name and type."
    mine = {p for p in _POLICIES if p in one}
    if any({p for p in _POLICIES if p in s} != mine for s in group):
        return f"{where}, SetIdentifier {identifier} cannot be created as sets of another routing policy exist."
    if "Weight" in one and any(s.get("TTL") != one.get("TTL") for s in group):
        return f"{where}: {RULES['weighted one ttl'][2]}"
    if identifier and len(group) >= GROUP_MAX:
        return f"{where}: {RULES['weighted hundred'][2]}"
    return _cname_conflict(key, sets, zone)


def _judge_delete(key: Key, one: Set, sets: dict[Key, Set], deleted: set[Key], zone: str, shown: str) -> str:
    if key in deleted:
        return f"The request contains an invalid set of changes for a resource record set {shown}"
    if key not in sets:
        return f"Tried to delete resource record set {shown} but it was not found"
    if one != sets[key]:
        return (
            f"Tried to delete resource record set {shown} but the values provided do not match the current values"
        )
    if key[0] == zone and key[1] in ("NS", "SOA"):
        return f"A HostedZone must contain at least one {key[1]} record for the zone itself."
    return ""


def _cname_conflict(key: Key, sets: dict[Key, Set], zone: str) -> str:
    """ "cname alone"."""
    name, rtype, _ = key
    types: Iterable[str] = {k[1] for k in sets if k[0] == name and k[1] != rtype}
    if rtype == "CNAME" and types:
        what = f"as it conflicts with other records with the same DNS name in zone {zone}."
        return f"RRSet of type CNAME with DNS name {name}. is not permitted {what}"
    if rtype != "CNAME" and "CNAME" in types:
        what = f"because a conflicting RRSet of type  CNAME with the same DNS name already exists in zone {zone}."
        return f"RRSet of type {rtype} with DNS name {name}. is not permitted {what}"
    return ""
