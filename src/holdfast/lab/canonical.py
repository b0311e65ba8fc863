"""Canonical forms: when two values count as equal for a search, and the text that a trace hashes.

Local states may be merged only if everything that they hold is a *value*. What has no canonical form (an open
socket, a lock, a cycle) is refused with its type, never ignored: a merge on less than the whole state would make
a proof unsound.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from holdfast.lab.actor import LabError

_ATOMS = frozenset({str, bytes, type(None), int})
_CONSTANTS = (
    type,
    types.ModuleType,
    types.CodeType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    msgspec.UnsetType,  # a field that is absent
)
_ITERATORS = frozenset(
    {type(iter(())), type(iter([])), type(iter(range(0))), type(iter("")), type(reversed(())), type(reversed([]))}
    | {enumerate, zip, map, type(iter({})), type(iter({}.items())), type(iter({}.values())), type(iter(set()))}
)


Hidden: TypeAlias = Mapping[type, frozenset[str]]
"""Fields of structs that feed only what people are told, and no decision: two states that differ in nothing else
are one. An assumption about the code; the tests compare searches with and without it."""

NOTHING_HIDDEN: Hidden = {}

KNOWN_MAX = 200_000
"""Structs whose form is remembered by identity; beyond that the memory starts anew (it keeps them alive)."""


class NotCanonicalError(LabError, TypeError):
    """A coroutine holds something that is no value, so its states can't be compared."""


class Token:
    """Stands for all values of one content: equal by identity, so comparing two states costs no descent."""

    __slots__ = ()


class Forms:
    """Canonical forms of values: hashable stand-ins, equal exactly when the values are interchangeable.

    Immutable structs and tuples are remembered, as most of what a coroutine holds is what it held one step before;
    structs by their equality too, which takes 1 and True for the same in the same field of the same type.
    Forms are comparable only with those of the same `Forms`.
    """

    def __init__(self, hidden: Hidden = NOTHING_HIDDEN) -> None:
        self._hidden = hidden
        self._known: dict[int, tuple[Any, Token]] = {}
        self._equal: dict[Any, Token] = {}
        self._tokens: dict[Hashable, Token] = {}
        self._fields: dict[type, tuple[str, ...]] = {}
        self._fixed = True
        """Whether nothing that can change was met: a frozen struct may hold a list, and is not remembered then."""

    def token(self, parts: Hashable) -> Token:
        """What stands for these parts from now on."""
        found = self._tokens.get(parts)
        if found is None:
            found = self._tokens[parts] = Token()
        return found

    def lasting(self, value: Any) -> tuple[Hashable, bool]:
        """The form of a value, and whether it can never be another: nothing in it can change.

        Raises:
            NotCanonicalError: names the type that has no canonical form.
        """
        self._fixed = True
        return self.of(value), self._fixed

    def of(self, value: Any, depth: int = 0) -> Hashable:
        """The form of a value.

        Raises:
            NotCanonicalError: names the type that has no canonical form.
        """
        kind = type(value)
        if kind in _ATOMS:
            return value  # type: ignore[no-any-return]  # atoms are hashable
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        if kind is bool or kind is float:
            return (kind, value)
        if kind is tuple or isinstance(value, msgspec.Struct):
            return self._remembered(value, depth)
        if isinstance(value, (enum.Enum, *_CONSTANTS)):
            return value
        if depth > 40:
            raise NotCanonicalError(f"{kind.__name__} is nested more than 40 deep, or refers to itself")
        of, depth = self.of, depth + 1
        if kind is frozenset:
            return (kind, frozenset([of(v, depth) for v in value]))
        self._fixed = False
        if kind is set:
            return (kind, frozenset([of(v, depth) for v in value]))
        if kind is list:
            return (list, *[of(v, depth) for v in value])
        if isinstance(value, dict):
            return (kind, *[(of(k, depth), of(v, depth)) for k, v in value.items()])
        return self._other(value, depth)

    def _remembered(self, value: Any, depth: int) -> Token:
        if depth > 40:
            raise NotCanonicalError(f"{type(value).__name__} is nested more than 40 deep, or refers to itself")
        found = self._met(value)
        if found is None:
            outer, self._fixed = self._fixed, True
            found = self.token((type(value), *[self.of(v, depth + 1) for v in self._parts(value)]))
            if self._fixed:
                self._remember(value, found)
            self._fixed = self._fixed and outer
        return found

    def _met(self, value: Any) -> Token | None:
        """The token of a frozen struct that equals one met before: the same plan, decoded once more."""
        if type(value) is tuple:
            return None
        try:
            found = self._equal.get(value)
        except TypeError:
            return None  # it holds a list, say: no value, so it is read field by field
        if found is not None:
            self._known[id(value)] = (value, found)
        return found

    def _remember(self, value: Any, token: Token) -> None:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
            self._equal.clear()
        self._known[id(value)] = (value, token)
        if type(value) is not tuple:
            self._equal[value] = token

    def _parts(self, value: Any) -> Iterable[Any]:
        """Items of a tuple, or fields of a struct without the hidden ones."""
        kind = type(value)
        if kind is tuple:
            return value  # type: ignore[no-any-return]
        fields = self._fields.get(kind)
        if fields is None:
            hidden = self._hidden.get(kind, frozenset())
            fields = self._fields[kind] = tuple(f for f in kind.__struct_fields__ if f not in hidden)
        if not kind.__struct_config__.frozen:
            self._fixed = False
        return [getattr(value, f) for f in fields]

    def _other(self, value: Any, depth: int) -> Hashable:
        kind: Any = type(value)
        of = self.of
        if kind in _ITERATORS:
            # An iterator is where it stands in what it walks: `__reduce__` says both without moving it.
            return (kind, of(value.__reduce__()[1:], depth))
        if kind is types.FunctionType:
            cells = tuple(c.cell_contents for c in value.__closure__ or ())
            return (kind, value.__code__, of(cells, depth), of(value.__defaults__, depth))
        if kind is types.BuiltinFunctionType:
            owner = value.__self__
            return value if isinstance(owner, types.ModuleType) else (kind, value.__name__, of(owner, depth))
        if kind is types.MethodType:
            return (kind, of(value.__func__, depth), of(value.__self__, depth))
        if kind is types.CellType:
            return (kind, of(value.cell_contents, depth))
        if kind in (range, slice):
            return (kind, value.start, value.stop, value.step)
        if _says_what_is_equal(kind) and _is_python(kind):
            return value  # type: ignore[no-any-return]  # the class says itself what makes its objects equal
        fields = _fields(value)
        if fields is None:
            raise NotCanonicalError(f"{kind.__module__}.{kind.__qualname__} has no canonical form")
        return (kind, *[(name, of(v, depth)) for name, v in fields])


def _says_what_is_equal(kind: Any) -> bool:
    return kind.__hash__ is not None and kind.__hash__ is not object.__hash__


@functools.cache
@functools.cache
def _is_python(kind: type) -> bool:
    """Whether nothing of the object is hidden in C: a socket's state is not in its attributes."""
    return all(map(_written_in_python, kind.__mro__[:-1]))


@functools.cache
def _written_in_python(kind: type) -> bool:
    """No type of C has all three: made at run time, open to change, and no larger than its own slots make it.

    The first alone does not do: since Python 3.12 types of C are made at run time as well, sockets among them.
    """
    heap, immutable = 1 << 9, 1 << 8  # Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE
    slots = kind.__dict__.get("__slots__", ())
    own = 1 if isinstance(slots, str) else len(slots)
    base = kind.__base__ or object
    room = (own + 2) * tuple.__itemsize__  # and its `__dict__` and `__weakref__`
    return bool(kind.__flags__ & heap and not kind.__flags__ & immutable) and (
        kind.__basicsize__ - base.__basicsize__ <= room
    )


def _fields(value: Any) -> list[tuple[str, Any]] | None:
    """Attributes of an ordinary Python object (a provider, a small helper class), or None."""
    kind: Any = type(value)
    if not _is_python(kind):
        return None
    found = dict(getattr(value, "__dict__", {}))
    found |= {name: getattr(value, name) for name in _slots(kind) if hasattr(value, name)}
    return sorted(found.items())


@functools.cache
def _slots(kind: type) -> tuple[str, ...]:
    declared = [base.__dict__.get("__slots__", ()) for base in kind.__mro__]
    names = [name for slots in declared for name in ((slots,) if isinstance(slots, str) else slots)]
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


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
