"""`python -m holdfast.lab.campaign_run`: the standard campaign; exit status 3 once something breaks.

--check NAME     these checks alone          --only PROPERTY     heed nothing else
--first NAME     this check before the rest  --without PROPERTY  heed all but this
--jobs N         so many checks at a time

One line for each check; the last line, if something broke, is a `Finding` as JSON.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from holdfast.lab.actor import LabError
from holdfast.lab.campaign import campaign, check_named
from holdfast.lab.checks import Check, Heed, Terms
from holdfast.lab.engines.found import Outcome

BROKEN = 3
"""Unlike that of a traceback (1) or of wrong arguments (2): those kill no mutant."""


class Finding(msgspec.Struct, frozen=True):
    """What broke (`I1 monotone: ...`) in which check, and the CPU seconds of this process until then."""

    check: str
    broken: str
    cpu_seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, a line for each check."""
    asked = _arguments().parse_args(argv)
    heed = Heed(only=frozenset(asked.only) if asked.only else None, without=frozenset(asked.without))
    terms = Terms(seed=asked.seed, share=asked.share, heed=heed)
    checks = tuple(check_named(name) for name in asked.check)
    name = ""
    try:
        for check, outcome in (
            _chosen(checks, terms) if checks else campaign(terms, first=asked.first, jobs=asked.jobs)
        ):
            name = check.name
            print(f"{name}: {outcome.sentence()}", flush=True)
            if outcome.found is not None:
                return _broken(name, outcome.found.broken)
    except LabError as error:
        return _broken(name, f"the code under test can't be searched: {error}")
    return 0


def _chosen(checks: tuple[Check, ...], terms: Terms) -> Iterator[tuple[Check, Outcome]]:
    return ((check, check.run(terms)) for check in checks)


def _broken(check: str, broken: str) -> int:
    print(msgspec.json.encode(Finding(check, broken, round(time.process_time(), 2))).decode(), flush=True)
    return BROKEN


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m holdfast.lab.campaign_run", description="the standard campaign"
    )
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--check", action="append", default=[])
    parser.add_argument("--first", default="")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--without", action="append", default=[])
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
