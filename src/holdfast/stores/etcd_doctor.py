"""What the members of an etcd cluster say of themselves, and what that means for a store: pure rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from holdfast.config.store_address import StoreSettings
from holdfast.stores.etcd_client import Failed
from holdfast.stores.etcd_wire import StatusAnswer
from holdfast.stores.examined import Examined, Verdict

MEMBERS_WANTED: Final = 3
SIZE_LARGE_BYTES: Final = 1_500_000_000
"""Of the 2 GB that etcd allows itself by default."""


def judge_members(settings: StoreSettings, answers: Sequence[StatusAnswer | Failed]) -> tuple[Examined, ...]:
    """Members in the order of the address, then the cluster."""
    found = [answer for answer in answers if isinstance(answer, StatusAnswer)]
    return (
        *(_member(str(host), answer) for host, answer in zip(settings.hosts, answers, strict=True)),
        *_cluster(settings, found),
        _encryption(settings),
    )


def _member(name: str, answer: StatusAnswer | Failed) -> Examined:
    if isinstance(answer, Failed):
        advice = "the others carry the store as long as they are a majority"
        return Examined(f"member {name}", Verdict.DOUBTFUL, str(answer).removeprefix(f"{name}: "), advice)
    if answer.errors:
        return Examined(f"member {name}", Verdict.BAD, "; ".join(answer.errors), "look at `etcdctl alarm list`")
    size = f"{answer.db_size / 1e6:.1f} MB"
    if answer.db_size > SIZE_LARGE_BYTES:
        advice = "compact and defragment it; run etcd with --auto-compaction-mode=periodic"
        return Examined(
            f"member {name}", Verdict.DOUBTFUL, f"etcd {answer.version}, {size}: near its limit", advice
        )
    leads = ", leads" if answer.leader and answer.leader == answer.header.member_id else ""
    return Examined(f"member {name}", Verdict.GOOD, f"etcd {answer.version}, {size}{leads}")


def _cluster(settings: StoreSettings, found: Sequence[StatusAnswer]) -> Iterator[Examined]:
    leaders = {answer.leader for answer in found}
    if len(leaders) > 1 or 0 in leaders:
        text = "members do not agree on who leads: an election, a partition, or two clusters in one address"
        yield Examined("one cluster", Verdict.DOUBTFUL, text, "ask again in a moment; `etcdctl endpoint status`")
    elif leaders:
        yield Examined("one cluster", Verdict.GOOD, "members agree on who leads")
    members = len(settings.hosts)
    if members < MEMBERS_WANTED:
        text = f"{members} in the address: none may go" if members == 1 else f"{members} in the address"
        yield Examined("failover", Verdict.DOUBTFUL, text, "three members carry the loss of one: name all of them")
    else:
        text = f"{members} members: {(members - 1) // 2} may go, acknowledged commits are on a majority's disks"
        yield Examined("failover", Verdict.GOOD, text)


def _encryption(settings: StoreSettings) -> Examined:
    if settings.tls:
        return Examined("encrypted", Verdict.GOOD, "TLS, with the members' names checked")
    if all(host.local for host in settings.hosts):
        return Examined("encrypted", Verdict.GOOD, "not needed: what is sent never leaves this machine")
    text = "store_tls = false: whoever is on the way reads and changes what is sent"
    return Examined("encrypted", Verdict.DOUBTFUL, text, "take store_tls out, and name the CA with store_ca_file")
