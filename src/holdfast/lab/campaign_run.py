"""`python -m holdfast.lab.campaign_run`: the standard campaign; exit status 3 once something breaks.

--check NAME     this check alone            --only PROPERTY     heed nothing else
--first NAME     this check before the rest  --without PROPERTY  heed all but this
--noticed        each property of the check alone: which of them notice
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from holdfast.lab.actor import LabError
from holdfast.lab.campaign import campaign, check_named
from holdfast.lab.checks import Check, Heed, Terms

BROKEN = 3
"""Unlike that of a traceback (1) or of wrong arguments (2): those kill no mutant."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, a line for each check."""
    asked = _arguments().parse_args(argv)
    heed = Heed(only=frozenset(asked.only) if asked.only else None, without=frozenset(asked.without))
    terms = Terms(seed=asked.seed, share=asked.share, heed=heed)
    try:
        if asked.noticed:
            return noticed(check_named(asked.check), terms)
        if asked.check:
            return _told(check_named(asked.check), terms)
        for check, outcome in campaign(terms, first=asked.first):
            print(f"{check.name}: {outcome.sentence()}", flush=True)
            if outcome.found is not None:
                return BROKEN
    except LabError as error:
        print(f"the code under test can't be searched: {error}", flush=True)
        return BROKEN
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m holdfast.lab.campaign_run", description="the standard campaign"
    )
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--check", default="")
    parser.add_argument("--first", default="")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--noticed", action="store_true")
    return parser


def _told(check: Check, terms: Terms) -> int:
    outcome = check.run(terms)
    print(f"{check.name}: {outcome.sentence()}", flush=True)
    return 0 if outcome.found is None else BROKEN


def noticed(check: Check, terms: Terms) -> int:
    """One line for each property of the check that notices something by itself."""
    found = 0
    for name in check.properties:
        alone = Terms(terms.seed, terms.share, Heed(only=frozenset({name})))
        outcome = check.run(alone)
        # What raised is noticed whatever is heeded: that is not this property's doing.
        if outcome.found is not None and name in outcome.found.broken:
            print(name, flush=True)
            found = BROKEN
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
