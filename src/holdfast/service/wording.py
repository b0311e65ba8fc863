"""What each word of a person changes in the directives: pure, and refused with a reason when it makes no sense."""

from __future__ import annotations

import difflib

import msgspec

from holdfast.documents.words import Refusal
from holdfast.model.configuration import Configuration, target_key
from holdfast.model.directives import Directives, RollbackWord, Word


def drain(c: Configuration, d: Directives, target: str, by: str, reason: str) -> Directives | Refusal:
    """Add a drain."""
    key = find_target(c, target)
    if isinstance(key, Refusal):
        return key
    return msgspec.structs.replace(d, drained=_with(d.drained, Word(key, by, reason)))


def undrain(c: Configuration, d: Directives, target: str) -> Directives | Refusal:
    """Take a drain back."""
    found = find_target(c, target)
    key = target if isinstance(found, Refusal) else found
    if all(w.subject != key for w in d.drained):
        return Refusal(f"{key} is not drained; drained: {', '.join(w.subject for w in d.drained) or 'nothing'}")
    return msgspec.structs.replace(d, drained=_without(d.drained, key))


def rollback(d: Directives, generation: int, by: str, reason: str) -> Directives | Refusal:
    """Hold the content of an older generation (R13)."""
    if generation < 1:
        return Refusal(f"there is no generation {generation}; `holdfast history` lists them")
    return msgspec.structs.replace(d, rollback=RollbackWord(generation, by, reason))


def resume(d: Directives) -> Directives | Refusal:
    """End the rollback."""
    if d.rollback is None:
        return Refusal("no rollback is in force: there is nothing to resume")
    return msgspec.structs.replace(d, rollback=None)


def retire(c: Configuration, d: Directives, name: str, by: str, reason: str) -> Directives | Refusal:
    """Retire a name that is gone from the configuration."""
    name = name.rstrip(".").lower()
    if any(e.name == name for e in c.endpoints):
        return _still_configured(name, "retire")
    return msgspec.structs.replace(
        d, retired=_with(d.retired, Word(name, by, reason)), released=_without(d.released, name)
    )


def release(c: Configuration, d: Directives, name: str, by: str, reason: str) -> Directives | Refusal:
    """Release a name that is gone from the configuration."""
    name = name.rstrip(".").lower()
    if any(e.name == name for e in c.endpoints):
        return _still_configured(name, "release")
    return msgspec.structs.replace(
        d, released=_with(d.released, Word(name, by, reason)), retired=_without(d.retired, name)
    )


def _still_configured(name: str, word: str) -> Refusal:
    return Refusal(f"{name} is still in the configuration: take its [[endpoint]] out, apply, then {word} it")


def find_target(c: Configuration, text: str) -> str | Refusal:
    """A target by its key, its name alone, or its address; refused when that is none or several."""
    found = []
    for group in c.groups:
        for target in group.targets:
            key = target_key(group.name, target.name)
            if text == key:
                return key
            if text in (target.name, target.a, target.aaaa):
                found.append(key)
    if len(found) == 1:
        return found[0]
    if found:
        return Refusal(f"{text} could be {', '.join(found)}: say which")
    # By name too: a key is mostly its group, so that a mistyped name alone is like none of them.
    meant = {
        n: target_key(g.name, t.name) for g in c.groups for t in g.targets for n in (t.name, f"{g.name}/{t.name}")
    }
    near = difflib.get_close_matches(text, meant, n=1, cutoff=0.4)
    return Refusal(f"there is no target {text}" + (f"; did you mean {meant[near[0]]}?" if near else ""))


def _with(words: tuple[Word, ...], word: Word) -> tuple[Word, ...]:
    return tuple(sorted((*_without(words, word.subject), word)))


def _without(words: tuple[Word, ...], subject: str) -> tuple[Word, ...]:
    return tuple(w for w in words if w.subject != subject)
