"""Backward from the converged states over all steps that are no faults: who is not reached is wedged."""

from __future__ import annotations

import numpy as np

from holdfast.lab.engines.flock.arrays import Bools, Ints


def first_stuck(befores: list[Ints], afters: list[Ints], good: Bools) -> int:
    """The smallest number of a state from which none of the `good` ones can be reached; -1 if there is none."""
    before, after = np.concatenate(befores), np.concatenate(afters)
    # Who leads to each state lies together: `begins` says where.
    turn = np.argsort(after, kind="stable")
    before, after = before[turn], after[turn]
    begins = np.searchsorted(after, np.arange(len(good) + 1))
    reached = good.copy()
    front = good.nonzero()[0]
    while len(front):
        count = begins[front + 1] - begins[front]
        offset = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        leading = np.unique(before[np.repeat(begins[front], count) + offset])
        front = leading[~reached[leading]]
        reached[front] = True
    stuck = (~reached).nonzero()[0]
    return int(stuck[0]) if len(stuck) else -1
