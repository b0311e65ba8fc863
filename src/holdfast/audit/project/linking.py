"""Outlines of all files to facts about each call: names are resolved, and what functions do is carried to callers
until nothing changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from holdfast.audit.project.facts import CallFacts, Parts, WriteFact
from holdfast.audit.project.outlines import ClassOutline, FileFacts, FunctionOutline, Outline
from holdfast.audit.tables.contracts import ENDS, STARTS

Key = tuple[str, str]
"""Module and qualified name."""
DEEPEST = 4
"""Calls through which a late write is carried to callers."""
MOST_BASES = 30
Writes = dict[Key, dict[Parts, WriteFact]]


class Linked:
    """The project's functions, found by how a caller names them."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.outlines = outlines
        self.functions: dict[Key, FunctionOutline] = {}
        self._modules = {o.module: o for o in outlines}
        self._methods: dict[tuple[str, str, str], Key] = {}
        self._named: dict[str, list[Key]] = defaultdict(list)
        for outline in outlines:
            for name, function in outline.functions.items():
                self.functions[outline.module, name] = function
                owner, _, last = name.rpartition(".")
                self._methods.setdefault((outline.module, owner.rpartition(".")[2], last), (outline.module, name))
                self._named[name.rpartition(".")[2]].append((outline.module, name))
        self._targets = self._resolve_all()
        self._suspending = self._suspends()
        self._late = self._carried()

    def facts(self) -> dict[str, FileFacts]:
        """For each file, what its walk has to know."""
        held, callers = self._call_sites()
        found: dict[str, FileFacts] = {}
        for outline in self.outlines:
            facts = FileFacts()
            for name in outline.functions:
                key = (outline.module, name)
                facts.known[name] = {r: self._fact(t) for r, t in self._targets[key].items()}
                facts.callers[name] = len(callers[key])
            facts.held = frozenset(name for name in outline.functions if held.get((outline.module, name), False))
            found[outline.file] = facts
        return found

    def _fact(self, key: Key) -> CallFacts:
        function = self.functions[key]
        late = self._late[key]
        return CallFacts(
            coroutine=function.coroutine,
            suspends=key in self._suspending or not function.coroutine,
            early=function.early,
            late=tuple(late.items()),
            looks=function.tested,
            unfenced=function.unfenced,
        )

    # -- names

    def _resolve_all(self) -> dict[Key, dict[str, Key]]:
        found: dict[Key, dict[str, Key]] = {}
        for outline in self.outlines:
            for name, function in outline.functions.items():
                owner = name.rpartition(".")[0].rpartition(".")[2]
                references = {c.reference for c in function.calls} | set(function.awaited)
                targets = ((r, self._resolve(outline, owner, r)) for r in references)
                found[outline.module, name] = {r: t for r, t in targets if t is not None}
        return found

    def _resolve(self, outline: Outline, owner: str, reference: str) -> Key | None:
        parts = reference.split(".")
        if parts[0] in ("self", "cls") and owner:
            if len(parts) == 2:
                return self._method(outline, owner, parts[1], 0)
            if len(parts) == 3:
                held = self._class(
                    outline, outline.classes.get(owner, ClassOutline(owner)).attributes.get(parts[1], "")
                )
                return self._method(held[0], held[1].name, parts[2], 0) if held is not None else None
            return None
        if len(parts) == 1 and parts[0] in outline.functions:
            return outline.module, parts[0]
        whole = ".".join([outline.imports.get(parts[0], parts[0]), *parts[1:]])
        module, _, name = whole.rpartition(".")
        if module in self._modules and name in self._modules[module].functions:
            return module, name
        held = self._class(outline, ".".join(parts[:-1])) if len(parts) > 1 else None
        return self._method(held[0], held[1].name, parts[-1], 0) if held is not None else None

    def _class(self, outline: Outline, name: str) -> tuple[Outline, ClassOutline] | None:
        if name in outline.classes:
            return outline, outline.classes[name]
        first, _, rest = name.partition(".")
        whole = outline.imports.get(first, "") + (f".{rest}" if rest else "")
        module, _, last = whole.rpartition(".")
        other = self._modules.get(module)
        return (other, other.classes[last]) if other is not None and last in other.classes else None

    def _method(self, outline: Outline, owner: str, name: str, depth: int) -> Key | None:
        if (key := self._methods.get((outline.module, owner, name))) is not None:
            return key
        if depth > MOST_BASES or owner not in outline.classes:
            return None
        for base in outline.classes[owner].bases:
            held = self._class(outline, base)
            if held is not None and held[1] is not outline.classes[owner]:
                found = self._method(held[0], held[1].name, name, depth + 1)
                if found is not None:
                    return found
        return None

    # -- what is carried to callers

    def _suspends(self) -> set[Key]:
        """Least fixpoint: a coroutine gives way only if it, or something it waits for, is known or feared to."""
        found = {key for key, f in self.functions.items() if f.own or f.trivial}
        changed = True
        while changed:
            changed = False
            for key, function in self.functions.items():
                if key not in found and any(self._may(key, r, found) for r in function.awaited):
                    found.add(key)
                    changed = True
        return found

    def _may(self, key: Key, reference: str, found: set[Key]) -> bool:
        target = self._targets[key].get(reference)
        if target is None or not self.functions[target].coroutine:
            return True
        # An override may stand in for it: all of that name must be quiet.
        return any(k in found for k in self._named[target[1].rpartition(".")[2]])

    def _carried(self) -> Writes:
        late: Writes = {key: dict(f.late) for key, f in self.functions.items()}
        for _ in range(DEEPEST):
            for key, function in self.functions.items():
                for reference in function.awaited:
                    target = self._targets[key].get(reference)
                    if target is not None and reference.count(".") == 1 and reference.startswith("self."):
                        for parts, fact in late[target].items():
                            if parts not in function.tested:
                                late[key].setdefault(parts, fact)
        return late

    def _call_sites(self) -> tuple[dict[Key, bool], dict[Key, set[Key]]]:
        """Private functions that are only ever called under a lock; and from where each is called, starts and ends
        of an object left out."""
        sites: dict[Key, list[tuple[Key, bool]]] = defaultdict(list)
        callers: dict[Key, set[Key]] = defaultdict(set)
        for key, function in self.functions.items():
            for call in function.calls:
                target = self._targets[key].get(call.reference)
                if target is None or target == key:
                    continue
                sites[target].append((key, call.held))
                last = key[1].rpartition(".")[2]
                if not (STARTS.match(last) or ENDS.match(last)):
                    callers[target].add(key)
        held = {key: key[1].rpartition(".")[2].startswith("_") for key in sites}
        changed = True
        while changed:
            changed = False
            for key in [k for k, is_held in held.items() if is_held]:
                if not all(under or held.get(caller, False) for caller, under in sites[key]):
                    held[key] = False
                    changed = True
        return held, callers
