"""Stand-ins for what is not there in a test: called, awaited, entered or indexed they answer more of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from unittest import mock

_LOCK = re.compile(r"lock|mutex|semaphore", re.IGNORECASE)
WAIT_S = 0.001
"""Virtual time that a stand-in takes when it is awaited: long enough for others to run."""


class Stand:
    """Something of which only the name is known. Awaiting it lets others run; it is true, and has no items."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __repr__(self) -> str:
        return f"Stand({self._name!r})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)  # else it would pass for every protocol there is
        made = self.__dict__[name] = Stand(f"{self._name}.{name}")
        return made

    def __call__(self, *arguments: Any, **keywords: Any) -> Stand:
        """Another stand-in, whatever the arguments."""
        return Stand(f"{self._name}()")

    def __getitem__(self, key: Any) -> Stand:
        return Stand(f"{self._name}[{key!r}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def __delitem__(self, key: Any) -> None:
        return None

    def __contains__(self, item: Any) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __await__(self) -> Generator[Any, None, Stand]:
        yield from asyncio.sleep(WAIT_S).__await__()
        return self

    async def __aiter__(self) -> AsyncIterator[Stand]:
        await self
        yield Stand(f"{self._name}.item")

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        return None

    async def __aenter__(self) -> Stand:
        return await self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self


def bare(kind: type) -> Any:
    """An object of a class, without its `__init__`: what it lacks is stood in for, but locks are real ones."""

    def missing(self: Any, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        made = asyncio.Lock() if _LOCK.search(name) else Stand(name)
        object.__setattr__(self, name, made)
        return made

    return object.__new__(type(f"Bare{kind.__name__}", (kind,), {"__getattr__": missing}))


@contextmanager
def swapped(owner: Any, name: str, put: Any = None) -> Iterator[Any]:
    """Within this, `owner.name` is `put`, or a stand-in of that name."""
    put = Stand(name) if put is None else put
    with mock.patch.object(owner, name, put, create=True):
        yield put
