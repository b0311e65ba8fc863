"""The laws of propagation in figures, for the room and for models of whole fleets. Pure.

Figures: facts on leases and overload, "Knobs and defaults". Coalescing and what a host is sent stand in `desired`,
the order of hosts in `turns`, the admission of publishers in `upstream`.
"""

from __future__ import annotations

from typing import Final

AGEING_S: Final = 60.0
"""Who has waited so long goes with the first."""
BACKLOG_MOST_S: Final = 300.0
SNAPSHOT_SHARE: Final = 0.3
QUARANTINE_AFTER: Final = 5
QUARANTINE_FIRST_S: Final = 30.0
QUARANTINE_MOST_S: Final = 600.0


def admitted_per_s(*, drain_per_s: float, oldest_s: float) -> float:
    """How much upstream work may come in a second, with a backlog whose oldest change has waited so long."""
    return drain_per_s * min(1.0, max(0.0, 1 - oldest_s / BACKLOG_MOST_S))


def snapshot_instead(*, dirty: int, documents: int) -> bool:
    """Whether a host that lacks `dirty` of its `documents` is sent all of them at once."""
    return dirty > SNAPSHOT_SHARE * documents


def quarantine_s(failures: int) -> float:
    """How long a host rests after so many attempts in a row that it did not catch up; 0: it is not quarantined."""
    if failures < QUARANTINE_AFTER:
        return 0.0
    return min(QUARANTINE_MOST_S, QUARANTINE_FIRST_S * 2.0 ** min(failures - QUARANTINE_AFTER, 30))
