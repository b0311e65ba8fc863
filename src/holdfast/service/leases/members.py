"""Targets that come from leases, for `status`: who holds them, how long still, and how far they are configured.

    configuration  which targets come from leases      store, known as long as it answers
    leases         holder, token, ready, leaving       store
    observations   what is said of each                store
    deadlines      how long each lease lasts still     only the service knows, in its memory
    configuration  applied and desired generation      only the service knows: hosts tell it

So the service of this file is asked too, for a moment; what it does not say is not known, and is shown as that.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.config.leases import LeaseService
from holdfast.model.configuration import Configuration, target_key
from holdfast.model.delivery import Lag, Standing
from holdfast.model.delivery import Status as DeliveryStatus
from holdfast.model.lease import Lease, Listing, Members, lease_key
from holdfast.model.observation import LEASES_OBSERVER, Observations, TargetObservation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.client.http import LeaseHttp

WITHIN_S: Final = 2.0
HOSTS_MOST: Final = 50


class MemberView(msgspec.Struct, frozen=True):
    """A target that comes from a lease. None: not known."""

    target: str
    lease: str
    """Role and name."""
    holder: str
    """Empty if nobody holds the lease."""
    token: int
    state: str
    """What is said of it to health: `UP`, `DOWN`, `PENDING`; empty before anything was said."""
    why: str
    ready: bool
    leaving: bool
    left_s: float | None = None
    """Until the lease runs out if it is not renewed; below 0 it is overdue."""
    applied: int | None = None
    desired: int | None = None
    refused: int = 0


class HostsView(msgspec.Struct, frozen=True):
    """How far hosts are with their configuration, as they told the service."""

    generation: int
    hosts: int
    ready: int
    lagging: tuple[Lag, ...]
    """Those that are not ready, at most `HOSTS_MOST` of them."""


class LeasesView(msgspec.Struct, frozen=True):
    """What `status` shows of leases and of configuration to hosts."""

    members: tuple[MemberView, ...] = ()
    hosts: HostsView | None = None
    trouble: str = ""
    """Why the service did not say what only it knows; empty if it did, or if this file names none."""


class Said(msgspec.Struct, frozen=True):
    """What the service said."""

    left_s: dict[str, float] = {}
    """By lease key."""
    standing: Standing | None = None
    trouble: str = ""


def leases_view(
    configuration: Configuration, leases: Iterable[Lease], observations: Iterable[Observations], said: Said
) -> LeasesView:
    """Put together what is known. Pure."""
    held = {lease.key: lease for lease in leases}
    spoken = next((o for o in observations if o.observer == LEASES_OBSERVER), None)
    states = {} if spoken is None else {one.target: one for one in spoken.targets}
    lags = {} if said.standing is None else {(lag.host.role, lag.host.name): lag for lag in said.standing.hosts}
    members: list[MemberView] = []
    for group in configuration.groups:
        for name in sorted(target.name for target in group.targets) if group.role else ():
            key = lease_key(group.role, name)
            target = target_key(group.name, name)
            lag = lags.get((group.role, name))
            members.append(_member(target, key, held.get(key), states.get(target), said.left_s.get(key), lag))
    return LeasesView(tuple(members), _hosts(said.standing), said.trouble)


def _member(
    target: str,
    key: str,
    lease: Lease | None,
    said: TargetObservation | None,
    left_s: float | None,
    lag: Lag | None,
) -> MemberView:
    place = None if lease is None else lease.place
    return MemberView(
        target=target,
        lease=key,
        holder="" if lease is None else lease.holder,
        token=0 if lease is None else lease.token,
        state="" if said is None else said.state.name,
        why="" if said is None else said.reason,
        ready=place is not None and place.ready,
        leaving=place is not None and place.leaving,
        left_s=None if lease is None else left_s,
        applied=None if lag is None else lag.applied,
        desired=None if lag is None else lag.desired,
        refused=0 if lag is None else lag.refused,
    )


def _hosts(standing: Standing | None) -> HostsView | None:
    if standing is None or not (standing.generation or standing.hosts):
        return None
    lagging = tuple(lag for lag in standing.hosts if not lag.ready)
    return HostsView(
        standing.generation, len(standing.hosts), len(standing.hosts) - len(lagging), lagging[:HOSTS_MOST]
    )


async def ask_service(settings: LeaseService | None, roles: tuple[str, ...]) -> Said:
    """What only the running service knows. A file without a `[leases]` table names none to ask."""
    if settings is None:
        return Said()
    if not settings.key_file:
        return Said(trouble="it is served by tokens alone, and `status` has none")
    try:
        from holdfast.client.http import LeaseHttp, NotServed
    except ImportError as error:
        return Said(trouble=f"asking it needs {error.name}: pip install 'holdfast[leases]'")
    scheme = "https" if settings.tls_cert else "http"
    try:
        key = _key(settings.key_file)
        async with (
            asyncio.timeout(WITHIN_S),
            LeaseHttp(f"{scheme}://{settings.listen}", key, ca_file=settings.tls_cert) as service,
        ):
            return await _asked(service, roles)
    except TimeoutError:
        return Said(trouble=f"no answer from {settings.listen} within {WITHIN_S:g} s")
    except (OSError, UnicodeDecodeError, NotServed) as error:
        return Said(trouble=f"{settings.listen}: {error}")


def _key(path: str) -> str:
    return Path(path).read_text(encoding="ascii").strip()


async def _asked(service: LeaseHttp, roles: tuple[str, ...]) -> Said:
    from holdfast.client.delivery import ask

    left_s: dict[str, float] = {}
    for role in roles:
        found = await service.members(Listing(role, left=True), timeout_s=WITHIN_S)
        if isinstance(found, Members):
            left_s.update(zip((lease.key for lease in found.leases), found.left_s, strict=True))
    standing = await ask(service, DeliveryStatus(), timeout_s=WITHIN_S)
    return Said(left_s, standing if isinstance(standing, Standing) else None)


# -- for people --------------------------------------------------------------------------------------------------


def member_text(one: MemberView) -> str:
    """A line of `status`."""
    if not one.holder:
        return f"lease {one.lease} ({one.target}): held by nobody; {one.why or 'nothing is said of it yet'}"
    state = "leaving" if one.leaving else "ready" if one.ready else "not ready"
    if one.left_s is None:
        left = ""
    elif one.left_s < 0:
        left = f", overdue by {-one.left_s:.0f} s"
    else:
        left = f", {one.left_s:.0f} s left"
    configured = "" if one.desired is None else f", configuration {one.applied} of {one.desired}"
    refused = f" (refused {one.refused})" if one.refused else ""
    return f"lease {one.lease} ({one.target}): {state}, held by {one.holder}{left}{configured}{refused}; {one.why}"


def lag_text(lag: Lag) -> str:
    """A host that is not ready."""
    how = f"refused {lag.refused}" if lag.refused else f"waits for {lag.waits_s:.0f} s"
    how += f": {' '.join(lag.why.split())}" if lag.why else ""
    quarantine = ", in quarantine: it takes deliveries and never reports" if lag.quarantined else ""
    return f"{lag.host.name}: has {lag.applied}, should have {lag.desired}; {how}{quarantine}"


def lines(view: LeasesView) -> list[str]:
    """All of it."""
    found = [member_text(one) for one in view.members]
    if view.hosts is not None:
        of = view.hosts
        found.append(f"configuration for hosts: generation {of.generation}; {of.ready} of {of.hosts} hosts ready")
        found += [f"  {lag_text(lag)}" for lag in of.lagging]
        more = of.hosts - of.ready - len(of.lagging)
        found += [f"  and {more} more that are not ready"] if more else []
    if view.trouble:
        found.append(f"! the lease service: {view.trouble}; what only it knows is not shown")
    return found
