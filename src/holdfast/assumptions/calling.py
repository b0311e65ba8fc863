"""`never` as code calls it: a plain function, for Python calls those several times faster than objects.

`never.configure`, `never.expected` and the others are attributes of the function; its type says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, cast

from holdfast.assumptions.reaching import Reached, Tally
from holdfast.assumptions.watching import Watch


class Never(Protocol):
    """The type of `holdfast.never`."""

    watch: Watch
    configure: Callable[..., None]
    expected: Callable[[str], AbstractContextManager[list[Reached]]]
    counts: Callable[[], tuple[Tally, ...]]

    def __call__(self, reason: str, *, when: object = True, **context: object) -> bool:
        """Say that this place is never reached, or that a condition never holds; see `never_of`."""


def never_of(watch: Watch) -> Never:
    """The `never` of a watch."""
    reached = watch.reached
    frame = sys._getframe

    def never(reason: str, *, when: object = True, **context: object) -> bool:
        """Say that this place is never reached, or that a condition (`when`) never holds.

        `reason` is a literal, the same at every call: it is the label of a metric. The rest is context for the
        record: numbers, texts, flags; objects are told by their type only, and values whose names sound like
        secrets not at all.

        Returns:
            Whether it was reached, so that `if never(...):` guards the way out.

        Raises:
            NeverReached: only in a process that asked for it, as tests do.
        """
        if not when:
            return False
        return reached(reason, frame(1), context)

    named = cast(Never, never)
    named.watch = watch
    named.configure = watch.configure
    named.expected = watch.expected
    named.counts = watch.counts
    return named


never = never_of(Watch(default_registry=True))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=never.watch.forked)
