"""How locks look: classes, names, calls, decorators."""

from __future__ import annotations

import re

CLASSES = frozenset(
    {"Lock", "RLock", "Condition", "BoundedLock", "FileLock", "Redlock", "CapacityLimiter", "Mutex", "AsyncLock"}
)
"""Made by `asyncio`, `threading`, `anyio`, `trio`, `filelock`, redis."""
COUNTING = frozenset({"Semaphore", "BoundedSemaphore", "CapacityLimiter"})
"""Exclusive only with a limit of one."""
NAMES = re.compile(
    r"(^|_)(lock|locks|rlock|mutex|mutexes|locked|critical|exclusive|cond|condition|synchronized|singleflight|advisory)"
    r"(_|$|s$)|lock$|Lock|Mutex|^guard$|_guard$",
)
DECORATORS = re.compile(r"synchroni[sz]ed|with_\w*lock|locked|^lock$|single_?flight|serialized|exclusive|mutex")
