"""Where a store's revisions begin: above all that an earlier store at the same place can have reached.

A file that was deleted, or replaced by an older copy, must not count where its predecessor stood: a writer that
read `newest` at revision n before the loss would find *another* document at revision n, and its compare would
hold (decisions/lab-findings.md, 1). So the first transaction after each opening of a store takes a revision above
the clock's microseconds; from there it counts by ones. A store writes far less than once a microsecond, so the
count stays below the clock, and whoever opens a new or restored file begins above all that was counted before.

This asks of the clock only that it is not set back to the very microseconds of an earlier run; a restored file
goes on from its own revision at least, whatever the clock says. 2^53 microseconds, which every reader of JSON
keeps exactly, end in the year 2255. Rejected: chance alone (a revision that falls confuses people and hints), the
store's incarnation as the high bits (a file that was deleted does not know it).
"""

from __future__ import annotations

import time


def new_epoch() -> int:
    """What the next revision has to be above: the microseconds since 1970."""
    return time.time_ns() // 1000
