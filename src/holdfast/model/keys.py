"""Where each document lies in the store. All keys of a scope begin with the scope, so scopes can share a store.

<scope>/incarnation              JSON integer: the store's history
<scope>/newest                   Identity of the newest plan: what every plan creation compares
<scope>/plan/<generation>        PlanHead
<scope>/chunk/<generation>/<hash>/<i>   Section
<scope>/config                   StoredConfiguration (current)
<scope>/words                    Directives
<scope>/obs/<observer>           Observations
<scope>/freeze/<id>              Freeze
<scope>/enactor/<id>             EnactorReport: a hint for people, never read by a rule
<scope>/leases                   LeaseOwner: who serves leases, and the epoch of its tokens
<scope>/lease/<role>/<name>      Lease
<scope>/delivery                 Counter: the newest generation of configuration documents for hosts
<scope>/external-dns             ClusterNames: what clusters wrote by the webhook, and whose it is
<scope>/file/<selector>:<name>   delivery.Document
"""

from __future__ import annotations

import msgspec


class Keys(msgspec.Struct, frozen=True):
    """Key names of one scope."""

    scope: str

    @property
    def incarnation(self) -> str:
        """Key of the store's incarnation."""
        return f"{self.scope}/incarnation"

    @property
    def newest(self) -> str:
        """Key of the newest plan's identity."""
        return f"{self.scope}/newest"

    @property
    def config(self) -> str:
        """Key of the current configuration."""
        return f"{self.scope}/config"

    @property
    def words(self) -> str:
        """Key of the directives."""
        return f"{self.scope}/words"

    @property
    def plans(self) -> str:
        """Prefix of all plan heads; generations sort as numbers."""
        return f"{self.scope}/plan/"

    def plan(self, generation: int) -> str:
        """Key of a plan's head."""
        return f"{self.plans}{generation:012d}"

    @property
    def all_chunks(self) -> str:
        """Prefix of every chunk of every plan."""
        return f"{self.scope}/chunk/"

    def chunks(self, generation: int, hash_: str) -> str:
        """Prefix of one plan's chunks: never shared between plans (R14)."""
        return f"{self.all_chunks}{generation:012d}/{hash_}/"

    def chunk(self, generation: int, hash_: str, index: int) -> str:
        """Key of one chunk."""
        return f"{self.chunks(generation, hash_)}{index:05d}"

    @property
    def observations(self) -> str:
        """Prefix of all observers' documents."""
        return f"{self.scope}/obs/"

    def observer(self, name: str) -> str:
        """Key of one observer's document."""
        return f"{self.observations}{name}"

    @property
    def freezes(self) -> str:
        """Prefix of all freezes."""
        return f"{self.scope}/freeze/"

    def freeze(self, id_: str) -> str:
        """Key of one freeze."""
        return f"{self.freezes}{id_}"

    @property
    def enactors(self) -> str:
        """Prefix of the enactors' reports."""
        return f"{self.scope}/enactor/"

    def enactor(self, id_: str) -> str:
        """Key of one enactor's report."""
        return f"{self.enactors}{id_}"

    @property
    def lease_owner(self) -> str:
        """Key of the lease service's document."""
        return f"{self.scope}/leases"

    @property
    def leases(self) -> str:
        """Prefix of all leases."""
        return f"{self.scope}/lease/"

    def lease(self, key: str) -> str:
        """Key of one lease, by its `<role>/<name>`."""
        return f"{self.leases}{key}"

    @property
    def external_dns(self) -> str:
        """Key of what clusters wrote by ExternalDNS's webhook."""
        return f"{self.scope}/external-dns"

    @property
    def delivery_counter(self) -> str:
        """Key of the counter that numbers documents for hosts."""
        return f"{self.scope}/delivery"

    @property
    def deliveries(self) -> str:
        """Prefix of all documents for hosts."""
        return f"{self.scope}/file/"

    def delivery(self, selector: str, name: str) -> str:
        """Key of one document for hosts; a selector holds no colon, so the two can't run into each other."""
        return f"{self.deliveries}{selector}:{name}"


def generation_of(plan_key: str) -> int:
    """Generation in a plan's or chunk's key."""
    return int(plan_key.split("/")[2])
