"""Canonical forms: when two values count as equal for a search, and the text that a trace hashes.

Local states may be merged only if everything that they hold is a *value*. What has no canonical form (an open
socket, a lock, a cycle) is refused with its type, never ignored: a merge on less than the whole state would make
a proof unsound.
"""

from __future__ import annotations

import enum
import operator
import types
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import msgspec

_ATOMS = (str, bytes, type(None), int)
_CONSTANTS = (
    type,
    types.ModuleType,
    types.CodeType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
_ITERATORS = frozenset(
    {type(iter(())), type(iter([])), type(iter(range(0))), type(iter("")), type(reversed(())), type(reversed([]))}
    | {enumerate, zip, map, type(iter({})), type(iter({}.items())), type(iter({}.values())), type(iter(set()))}
)


Hidden: TypeAlias = Mapping[type, frozenset[str]]
"""Fields of structs that feed only what people are told, and no decision: two states that differ in nothing else
are one. An assumption about the code; the tests compare searches with and without it."""

_hidden: ContextVar[Hidden] = ContextVar("hidden", default={})  # noqa: B039  # never changed in place


@contextmanager
def hiding(hidden: Hidden) -> Iterator[None]:
    """Within this, `canonical` leaves these fields out."""
    token = _hidden.set(hidden)
    try:
        yield
    finally:
        _hidden.reset(token)


class NotCanonicalError(TypeError):
    """A coroutine holds something that is no value, so its states can't be compared."""


def canonical(value: Any, depth: int = 0) -> Hashable:
    """A hashable stand-in, equal exactly when the values are interchangeable.

    Raises:
        NotCanonicalError: names the type that has no canonical form.
    """
    kind = type(value)
    if kind is bool or kind is float:
        return (kind, value)
    if kind in _ATOMS or isinstance(value, (enum.Enum, *_CONSTANTS)):
        return value  # type: ignore[no-any-return]  # atoms and enums are hashable
    if depth > 40:
        raise NotCanonicalError(f"{kind.__name__} is nested more than 40 deep, or refers to itself")
    if kind is tuple:
        parts = tuple(_each(value, depth))
        return value if _same(parts, value) else (tuple, *parts)
    if isinstance(value, msgspec.Struct):
        return _struct(value, depth)
    if kind in (frozenset, set):
        return (kind, frozenset(_each(value, depth)))
    if kind is list:
        return (list, *_each(value, depth))
    if isinstance(value, dict):
        return (kind, *((canonical(k, depth + 1), canonical(v, depth + 1)) for k, v in value.items()))
    return _other(value, depth)


def _same(parts: Sequence[Any], values: Sequence[Any]) -> bool:
    return all(map(operator.is_, parts, values))


def _each(values: Iterable[Any], depth: int) -> Iterable[Hashable]:
    return (canonical(v, depth + 1) for v in values)


def _struct(value: msgspec.Struct, depth: int) -> Hashable:
    hidden = _hidden.get().get(type(value), frozenset())
    fields = [None if f in hidden else getattr(value, f) for f in value.__struct_fields__]
    parts = tuple(_each(fields, depth))
    if hidden:
        return (type(value), *parts)
    # Hashable is not enough: a frozen struct may hold an object that hashes by identity.
    return value if value.__struct_config__.frozen and _same(parts, fields) else (type(value), *parts)


def _other(value: Any, depth: int) -> Hashable:
    kind = type(value)
    if kind in _ITERATORS:
        # An iterator is where it stands in what it walks: `__reduce__` says both without moving it.
        return (kind, canonical(value.__reduce__()[1:], depth + 1))
    if kind is types.FunctionType:
        cells = tuple(c.cell_contents for c in value.__closure__ or ())
        return (kind, value.__code__, canonical(cells, depth + 1), canonical(value.__defaults__, depth + 1))
    if kind is types.BuiltinFunctionType:
        owner = value.__self__
        return (
            value if isinstance(owner, types.ModuleType) else (kind, value.__name__, canonical(owner, depth + 1))
        )
    if kind is types.MethodType:
        return (kind, canonical(value.__func__, depth + 1), canonical(value.__self__, depth + 1))
    if kind is types.CellType:
        return (kind, canonical(value.cell_contents, depth + 1))
    if kind in (range, slice):
        return (kind, value.start, value.stop, value.step)
    if _says_what_is_equal(kind) and _is_python(kind):
        return value  # type: ignore[no-any-return]  # the class says itself what makes its objects equal
    fields = _fields(value)
    if fields is None:
        raise NotCanonicalError(f"{kind.__module__}.{kind.__qualname__} has no canonical form")
    return (kind, *((name, canonical(v, depth + 1)) for name, v in fields))


def _says_what_is_equal(kind: Any) -> bool:
    return kind.__hash__ is not None and kind.__hash__ is not object.__hash__


def _is_python(kind: type) -> bool:
    """Whether nothing of the object is hidden in C: a socket's state is not in its attributes."""
    return all(base.__flags__ & (1 << 9) for base in kind.__mro__[:-1])  # Py_TPFLAGS_HEAPTYPE


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """Attributes of an ordinary Python object (a provider, a small helper class), or None."""
    kind = type(value)
    if not _is_python(kind):
        return None
    found = dict(getattr(value, "__dict__", {}))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return sorted(found.items())


def text(value: Any) -> str:
    """One line, the same for equal values on any machine and Python: what traces and orders rest on."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, msgspec.Struct):
        inner = ",".join(f"{f}={text(getattr(value, f))}" for f in value.__struct_fields__)
        return f"{type(value).__name__}({inner})"
    if isinstance(value, frozenset | set):
        return "{" + ",".join(sorted(text(v) for v in value)) + "}"
    if isinstance(value, tuple | list):
        return "(" + ",".join(text(v) for v in value) + ")"
    if isinstance(value, dict):
        return "{" + ",".join(f"{text(k)}:{text(v)}" for k, v in value.items()) + "}"
    if value is None or isinstance(value, str | bytes | int | float):
        return repr(value)
    return f"<{type(value).__name__}>"
