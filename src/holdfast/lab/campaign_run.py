"""`python -m holdfast.lab.campaign_run [SEED]`: the standard campaign; exit status 1 once something breaks."""

from __future__ import annotations

import sys

from holdfast.lab.actor import LabError
from holdfast.lab.campaign import campaign


def main() -> int:
    """Run it, a line for each check."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    try:
        for check, outcome in campaign(seed):
            print(f"{check.name}: {outcome.sentence()}", flush=True)
            if outcome.found is not None:
                return 1
    except LabError as error:
        print(f"the code under test can't be searched: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
