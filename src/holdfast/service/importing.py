"""`import`: a zone as it is, as a configuration that would change nothing.

    server --AXFR, or questions for given names--> RRsets --sort_out--> endpoints + what is left alone --> TOML

Every address set becomes an endpoint with static targets (no checks), in mode "observe": taking a name over and
starting to act on it are two decisions. What holdfast could not reproduce exactly is left alone, and said in a
comment beside the reason: an import that changes a name would be an outage with good intentions.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable

import msgspec

from holdfast.config import names
from holdfast.config.sections import TTL_MAX
from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.model.records import TYPE_WEIGHT, RRset
from holdfast.nameserver.settings import NameserverProblem
from holdfast.nameserver.weights import WEIGHT_MAX, weights_of
from holdfast.ports.dns import Ask, AskMany, Transfer, ZoneContent
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.driver import Answers, drive

FENCE_LABEL = "_holdfast-"
WEIGHT = 100
_ADDRESSES = ("A", "AAAA")
_OURS = (*_ADDRESSES, TYPE_WEIGHT)


class CannotImport(msgspec.Struct, frozen=True):
    """The zone could not be read; `text` says why and what to do."""

    text: str


class Kept(msgspec.Struct, frozen=True):
    """A name that becomes an endpoint: addresses with their weights, by family."""

    name: str
    ttl: int
    addresses: tuple[tuple[str, int], ...]


class LeftAlone(msgspec.Struct, frozen=True):
    """Something that stays as it is, and why."""

    name: str
    rtype: str
    why: str


class SortedOut(msgspec.Struct, frozen=True):
    """A zone in two heaps."""

    kept: tuple[Kept, ...]
    left_alone: tuple[LeftAlone, ...]


async def import_text(
    *,
    zone: str,
    server: str,
    key_name: str = "",
    key_file: str = "",
    key_env: str = "",
    key_algorithm: str = "hmac-sha256",
    provider: ProviderKind = ProviderKind.RFC2136,
    scope: str = "",
    only: tuple[str, ...] = (),
) -> str | CannotImport:
    """The TOML text for a zone at a server. `only` asks for these names instead of a transfer of the zone."""
    config = _zone_config(zone, server, key_name, key_file, key_env, key_algorithm, provider)
    if isinstance(config, CannotImport):
        return config
    wrong = [name for name in only if not names.within(names.domain(name) or "", config.name)]
    if wrong:
        return CannotImport(f"{', '.join(wrong)}: not in zone {config.name}")
    scope = scope or config.name.split(".")[0].replace("_", "")
    if names.scope(scope) is None:
        return CannotImport(f"`{scope}` is no scope: one DNS label of up to 53 of a-z, 0-9 and dash (--scope)")
    asked = tuple(sorted(n for n in map(names.domain, only) if n is not None))
    try:
        rrsets = await _read(config, asked)
    except NameserverProblem as problem:
        return CannotImport(str(problem))
    if isinstance(rrsets, CouldNotAsk):
        hint = "" if asked else "; does the server allow transfers to this key? --only NAME asks for single names"
        return CannotImport(f"zone {config.name} at {config.server}: {rrsets.reason}{hint}")
    return toml_text(config, scope, sort_out(config.name, rrsets))


def _zone_config(
    zone: str, server: str, key_name: str, key_file: str, key_env: str, algorithm: str, provider: ProviderKind
) -> ZoneConfig | CannotImport:
    name, address, key = names.domain(zone), names.endpoint(server, 53), names.domain(key_name)
    if name is None:
        return CannotImport(f"`{zone}` is no zone name")
    if address is None:
        return CannotImport(f'`{server}` is no address and port, such as "192.0.2.53:53"')
    if key_name and key is None:
        return CannotImport(f"`{key_name}` is no key name")
    if bool(key) != bool(key_file or key_env):
        return CannotImport("a key needs its name (--key-name) and its secret (--key-file or --key-env)")
    return ZoneConfig(
        name=name,
        provider=provider,
        server=address,
        key_name=key or "",
        key_algorithm=algorithm,
        key_file=key_file,
        key_env=key_env,
    )


async def _read(config: ZoneConfig, asked: tuple[str, ...]) -> tuple[RRset, ...] | CouldNotAsk:
    transport = DnsTransport.of((config,))
    answers = Answers()
    answers.register(Transfer, transport.transfer)
    answers.register(AskMany, transport.ask_many)
    answers.register(Ask, transport.ask)
    try:
        return await drive(gather(config.name, asked), answers)
    finally:
        await transport.close()


async def gather(zone: str, asked: tuple[str, ...]) -> tuple[RRset, ...] | CouldNotAsk:
    """All RRsets of a zone, or those at the asked names that matter: a coroutine over `ports.dns`."""
    if not asked:
        content = await Transfer(zone)
        return content.rrsets if isinstance(content, ZoneContent) else content
    questions = tuple((name, rtype) for name in asked for rtype in _OURS)
    found: list[RRset] = []
    for (name, _), answer in zip(questions, await AskMany(zone, questions), strict=True):
        if isinstance(answer, CouldNotAsk):
            return answer
        if not answer.authoritative:
            return CouldNotAsk(f"{answer.rcode.value} for {name}: the server does not answer for this zone")
        if answer.alias:
            found.append(RRset(name, "CNAME", 0, (answer.alias,)))
        elif answer.rrset is not None:
            found.append(answer.rrset)
    return tuple(dict.fromkeys(found))


def sort_out(zone: str, rrsets: Iterable[RRset]) -> SortedOut:
    """What becomes an endpoint and what is left alone. Pure."""
    owners: dict[str, dict[str, RRset]] = {}
    for rrset in rrsets:
        owners.setdefault(rrset.name, {})[rrset.rtype] = rrset
    cuts = {name for name, types in owners.items() if "NS" in types and name != zone}
    servers = {
        rdata.rstrip(".").lower() for types in owners.values() if "NS" in types for rdata in types["NS"].rdatas
    }
    kept: list[Kept] = []
    left: list[LeftAlone] = []
    for name in sorted(owners, key=lambda n: (n.split(".")[::-1], n)):
        types = owners[name]
        why = _reason_to_leave(name, types, cuts, servers)
        addressed = any(rtype in types for rtype in _ADDRESSES)
        if addressed and not why:
            kept.append(_kept(name, types))
        for rtype in sorted(types):
            if rtype not in _OURS:
                left.append(LeftAlone(name, rtype, _kind(name, rtype, zone)))
            elif why or not addressed:
                left.append(LeftAlone(name, rtype, why or "a weight without an address"))
    return SortedOut(tuple(kept), tuple(left))


def _reason_to_leave(name: str, types: dict[str, RRset], cuts: set[str], servers: set[str]) -> str:
    ttls = {types[rtype].ttl for rtype in _ADDRESSES if rtype in types}
    if name.startswith("*."):
        return "a wildcard answers for names that are not listed"
    if names.domain(name) is None:
        return "the name has characters that holdfast does not keep"
    if any(names.within(name, cut) for cut in cuts):
        return "below a delegation: it belongs to another zone"
    if name in servers:
        return "address of a name server: needed to reach the zone at all"
    if len(ttls) > 1:
        both = ", ".join(f"{rtype} {types[rtype].ttl} s" for rtype in _ADDRESSES)
        return f"its families differ in TTL ({both}); make them equal first"
    if ttls and max(ttls) > TTL_MAX:
        return f"its TTL is above {TTL_MAX} s"
    return ""


def _kind(name: str, rtype: str, zone: str) -> str:
    if name.startswith(FENCE_LABEL):
        return "a fence of holdfast"
    if rtype == "CNAME":
        return "an alias holds no addresses"
    return "belongs to the zone itself" if name == zone else "not an address"


def _kept(name: str, types: dict[str, RRset]) -> Kept:
    present = [types[rtype] for rtype in _ADDRESSES if rtype in types]
    addresses = [address for rrset in present for address in rrset.rdatas]
    shares = types.get(TYPE_WEIGHT)
    weights = (WEIGHT,) * len(addresses) if shares is None else weights_of(shares, addresses)
    return Kept(name, present[0].ttl, tuple(zip(addresses, weights, strict=True)))


def toml_text(zone: ZoneConfig, scope: str, found: SortedOut) -> str:
    """The configuration, in format 1."""
    blocks = [_head(zone, scope, found), *(_endpoint(kept) for kept in found.kept)]
    if found.left_alone:
        lines = (f"#   {_safe(one.name)} {one.rtype}: {one.why}" for one in found.left_alone)
        blocks.append("\n".join(("# Left alone:", *lines)) + "\n")
    return "\n".join(blocks)


def _head(zone: ZoneConfig, scope: str, found: SortedOut) -> str:
    prefixes = ", ".join(_text(p) for p in _prefixes(a for kept in found.kept for a, _ in kept.addresses))
    return f"""\
# Imported from zone {zone.name} at {zone.server}: {len(found.kept)} names with addresses, as they are.
# Nothing changes until mode is "enforce"; give endpoints checks, labels and shared groups before.
format = 1
scope = {_text(scope)}
mode = "observe"
allowed_prefixes = [{prefixes}]

[[zone]]
name = {_text(zone.name)}
provider = {_text(zone.provider.value)}     # bind, knot or powerdns if it is one of them
server = {_text(zone.server)}
{_key(zone)}
"""


def _key(zone: ZoneConfig) -> str:
    if not zone.key_name:
        return '# Updates must be signed: give the key first.\n# key_name = ""\n# key_file = ""'
    place = f"key_env = {_text(zone.key_env)}" if zone.key_env else f"key_file = {_text(zone.key_file)}"
    return f"key_name = {_text(zone.key_name)}\nkey_algorithm = {_text(zone.key_algorithm)}\n{place}"


def _endpoint(kept: Kept) -> str:
    targets = "\n".join(
        f"  {{ name = {_text(_target_name(address))}, {'ipv6' if ':' in address else 'ipv4'} = {_text(address)},"
        f" weight = {min(weight, WEIGHT_MAX)} }},"
        for address, weight in kept.addresses
    )
    return f"""\
[[endpoint]]
name = {_text(kept.name)}
ttl = {kept.ttl}
check = {{ kind = "none" }}
target = [
{targets}
]
"""


def _target_name(address: str) -> str:
    """An address as a target's name: `192.0.2.1`, `v6-2001-db8--1`."""
    return f"v6-{address.replace(':', '-')}" if ":" in address else address


def _prefixes(addresses: Iterable[str]) -> list[str]:
    """Prefixes that hold the addresses: /24 and /64, as a start for narrowing."""
    found = {ipaddress.ip_network(f"{a}/{64 if ':' in a else 24}", strict=False) for a in addresses}
    return [str(n) for n in sorted(found, key=lambda n: (n.version, int(n.network_address)))]


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's too, but for DEL, which no name here may hold."""
    return json.dumps(value)


def _safe(name: str) -> str:
    """A name for a comment: control characters may not stand in TOML."""
    return "".join(c if c.isprintable() else "?" for c in name)
