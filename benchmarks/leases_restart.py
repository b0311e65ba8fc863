"""50,000 real leases over real HTTP, the service killed with `-9` three times under load, beside the law for that.

    python benchmarks/leases_restart.py [LEASES]

Prints for each kill what the service could do in a second before it, how long it was away, when every holder had
been answered again, and what `leases/envelope.py` says from the former. Fails if a holder loses its lease.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "system"))

from lease_restart import CLIENTS, OUTAGES_S, TTL_S, kill_under_load
from lease_service import LeaseService


async def _run(size: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        service = LeaseService(Path(directory), ttl=f"{TTL_S:g}s", more="renewals_per_s = 1000000\n")
        with service:
            await kill_under_load(
                service,
                size=size,
                clients=CLIENTS,
                ttl_s=TTL_S,
                outages_s=OUTAGES_S,
                say=lambda text: print(text, flush=True),
            )


def main() -> None:
    """Run it."""
    logging.disable(logging.WARNING)  # that the service does not answer is the experiment
    asyncio.run(_run(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000))


if __name__ == "__main__":
    main()
