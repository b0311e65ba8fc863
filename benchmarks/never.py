"""What `holdfast.never` costs: nanoseconds a call, by the path taken.

    python benchmarks/never.py

`assert` and a plain `if` stand beside it. "kept quiet" is the usual reached call: the same reason at the same
place within a minute of the last line. "told" writes a line to a log whose handler drops it.
"""

from __future__ import annotations

import logging
import statistics
import timeit

from holdfast.assumptions import Watch
from holdfast.assumptions.calling import never_of

ROUNDS = 9


def cost_ns(statement: str, names: dict[str, object], number: int) -> float:
    """The median of ROUNDS rounds, less the loop itself."""
    rounds = timeit.repeat(statement, globals=names, number=number, repeat=ROUNDS)
    loop = timeit.repeat("pass", globals=names, number=number, repeat=ROUNDS)
    return (statistics.median(rounds) - statistics.median(loop)) / number * 1e9


def main() -> None:
    """Print the table."""
    log = logging.getLogger("holdfast.never")
    log.propagate = False
    log.addHandler(logging.NullHandler())
    quiet, loud = never_of(Watch(mode="count")), never_of(Watch(mode="count"))
    loud.configure(interval_s=0)
    names: dict[str, object] = {"quiet": quiet, "loud": loud, "a": 7, "b": 6}
    for title, statement, number in (
        ("if a < b: pass", "if a < b: pass", 1_000_000),
        ("assert not a < b", "assert not a < b", 1_000_000),
        ("not reached", "quiet('x', when=a < b)", 1_000_000),
        ("not reached, two values", "quiet('x', when=a < b, plan=a, fence=b)", 1_000_000),
        ("reached, kept quiet", "quiet('x', when=a > b, plan=a, fence=b)", 100_000),
        ("reached, told", "loud('x', when=a > b, plan=a, fence=b)", 20_000),
    ):
        print(f"{title:26} {cost_ns(statement, names, number):9,.0f} ns", flush=True)


if __name__ == "__main__":
    main()
