"""Every kind of event, in one table: what it means and which data it carries. `docs/events.md` shows it to people.

Rooms spell kinds out where they emit them; a test finds any that is not here. `plan` marks kinds that name a
plan, `zone` those that name a DNS zone.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """A kind of event. `data` are the fields that programs may rely on (more may come)."""

    name: str
    meaning: str
    plan: bool = False
    zone: bool = False
    data: tuple[str, ...] = ()


KINDS: Final = (
    # Planner and health
    Kind(
        "plan.created",
        "A planner put a new plan into the store",
        plan=True,
        data=("names_changed", "configuration_revision", "words_revision", "observers", "parent", "rollback_of"),
    ),
    Kind("plan.held", "Nothing publishable, though something changed; the text says why"),
    Kind("plan.lost", "Another planner, or newer inputs, came first: lost the race (R10)", plan=True),
    Kind("planner.stands_down", "The store is older than the fences; this planner waits for `adopt`"),
    Kind("planner.waits", "The planner can't plan now: no configuration, store silent, a document unreadable"),
    Kind("verdict.changed", "Health's verdict on a target changed", data=("target", "before", "after")),
    Kind("change.refused", "A limit held a change back; the text has the arithmetic", data=("rule", "subject")),
    Kind("observations.ignored", "Observations that did not count, and why"),
    Kind("target.up", "A prober sees a target up", data=("target", "reason", "flaps")),
    Kind("target.down", "A prober sees a target down", data=("target", "reason", "flaps")),
    Kind("target.pending", "A prober has not seen a target often enough", data=("target", "reason", "flaps")),
    Kind("prober.distrusts_itself", "Too much fails at once, or the prober is late: it withdraws nothing"),
    Kind("prober.trusts_itself", "The cause of a prober's doubt is gone"),
    Kind("prober.unpublished", "A prober could not publish; it tries again"),
    Kind("prober.publishes", "A prober publishes again"),
    Kind("prober.stood_back", "Another process publishes under this prober's name"),
    Kind("prober.unlisted", "The configuration has no prober of this name: it probes nothing"),
    # Callers of the HTTP services
    Kind("tokens.changed", "The file of tokens changed, and is in force as it is now"),
    Kind("tokens.spoiled", "The file of tokens can't be read as it is; the tokens read before stay in force"),
    # Enactor
    Kind(
        "provider.unverified", "Nobody has seen the live service do what the fence rests on (Route 53)", zone=True
    ),
    Kind("fence.raised", "A zone's fence moved to a newer plan", plan=True, zone=True),
    Kind(
        "write.applied",
        "One message was applied and read back (R4)",
        plan=True,
        zone=True,
        data=("rrsets", "names"),
    ),
    Kind(
        "write.refused",
        "The DNS server refused: the fence moved. Lost the race (R0)",
        plan=True,
        zone=True,
    ),
    Kind("write.blocked", "An owner that can't be written was left out (R4)", plan=True, zone=True),
    Kind(
        "write.failed",
        "Could not ask the DNS server, or it denies updates",
        plan=True,
        zone=True,
    ),
    Kind("write.would", "Observe mode: what would have been written", plan=True, zone=True),
    Kind("plan.foreign", "A plan that no key of this machine's plan_keys signed: refused, DNS stays", plan=True),
    Kind(
        "plan.rejected",
        "An enactor does not believe a plan (R9); the text has the arithmetic",
        plan=True,
    ),
    Kind("plan.stale", "An enactor dropped its plan for a newer one (R1)", plan=True),
    Kind("zone.converged", "A zone holds the plan in full", plan=True, zone=True),
    Kind("zone.frozen", "A freeze covers writes that an enactor would make", plan=True, zone=True),
    Kind("zone.held", "An enactor does not write to a zone, and why", plan=True, zone=True),
    Kind("fence.repaired", "A missing or unreadable fence was put back (R3)", plan=True, zone=True),
    Kind("store.reseeded", "A plan from an enactor's disk went into an empty or restored store", plan=True),
    Kind(
        "server.lags",
        "A name server of the zone does not show what the primary has (R18)",
        zone=True,
    ),
    Kind("cleanup.removed", "Clean-up removed old plans (R7)", data=("count", "below")),
    Kind("cleanup.held", "Clean-up removed nothing, and why (R7)"),
    # Leases
    Kind("leases.took_over", "A lease service began: it owns the leases, and gives all of them grace"),
    Kind("leases.waits", "A lease service can't take the leases over yet, and why"),
    Kind("leases.superseded", "Another lease service owns the leases now; this one ends"),
    Kind("leases.restored", "The store is older than what the lease service wrote: it takes the leases over anew"),
    Kind("leases.store_out", "The store takes no writes: held leases are renewed, nobody is granted one"),
    Kind("leases.store_back", "The store takes writes of leases again"),
    Kind("leases.epoch_raised", "Callers knew higher tokens than the store: tokens were raised above them (R19)"),
    Kind("leases.paused", "The lease service itself was away (stopped, starved): all leases get a whole TTL"),
    Kind("leases.unreadable", "A lease's document in the store is not readable, and counts as free"),
    Kind(
        "delivery.garbled",
        "A document for hosts in the store is not readable: it is left out, hosts keep what they have",
    ),
    Kind(
        "delivery.history",
        "The store of documents has another history: older, or other documents under the same generations",
    ),
    Kind(
        "delivery.outrun", "Hosts knew higher generations than a restored store: the counter was raised above them"
    ),
    Kind("lease.lost", "A lease ran out: its holder did not renew it"),
    Kind("target.joined", "A holder of a lease is a target of a group now", data=("target",)),
    Kind(
        "target.forgotten", "A target whose lease was lost long ago is not configured any more", data=("target",)
    ),
    Kind("registrar.waits", "Who holds leases can't be made known as targets now, and why"),
    # Clusters
    Kind(
        "external.accepted",
        "A cluster's changes are in the configuration",
        data=("created", "updated", "deleted"),
    ),
    Kind("external.refused", "A cluster's batch of changes was refused whole, and why"),
    Kind("external.left_out", "Records that a cluster wishes and holdfast does not keep", data=("records",)),
    Kind("external.retired", "Deleted names of clusters are retired now", data=("names", "left")),
    Kind("external.waits", "Deleted names of clusters can't be retired now, and why"),
    # People
    Kind("freeze.set", "A freeze was set", data=("id", "selector", "by")),
    Kind("freeze.acknowledged", "Every zone's fence carries the freeze", data=("id", "zones")),
    Kind("freeze.partial", "Some zones' fences do not carry the freeze yet", data=("id", "zones", "of")),
    Kind("freeze.thawed", "A freeze was removed everywhere", data=("id", "by")),
    Kind("config.applied", "A new revision of the configuration is in force", data=("revision",)),
    Kind("config.seen", "`up` looked at its file again; the text says what came of it"),
    Kind("config.refused", "A configuration was not applied; the one in force stays"),
    Kind("word.spoken", "A person's word: drain, retire, release, rollback, resume, adopt"),
    # Machinery
    Kind(
        "actor.refused", "An actor does not start: what it is asked to do can't be done safely; the text says why"
    ),
    Kind("disk.damaged", "What an enactor kept on its disk is not readable, and is taken as absent"),
    Kind("disk.failed", "What an enactor must remember can't be kept on its disk"),
    Kind(
        "actor.crashed",
        "A fault of holdfast: an actor stopped and starts again",
        data=("operation", "error", "crashes", "wait_s"),
    ),
    Kind(
        "assumption.broken",
        "Code reached what it takes for unreachable (`holdfast.never`), and went on",
        data=("reason", "place", "line", "times"),
    ),
    Kind("events.dropped", "Events were lost: queue full, or disk refused", data=("count",)),
    Kind("dns.refused", "The embedded server refused a transfer or an update"),
    Kind("dns.bad_signature", "The embedded server refused a signature"),
    Kind("dns.disk_failed", "The embedded server could not make an update durable, and refused it"),
    Kind("dns.data_damaged", "The embedded server found damage in its files at start"),
)

BY_NAME: Final = {kind.name: kind for kind in KINDS}
