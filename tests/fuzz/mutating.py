"""A fuzzer without help from compilers: mutations of good inputs, and what gave a new outcome is mutated again.

It knows no coverage: novelty is the kind of result or of error, with figures taken out. Seeded: the same seed,
inputs to begin from and count give the same inputs.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

SIZE_MAX: Final = 1 << 16
KEPT_MAX: Final = 400
SLOW_S: Final = 5.0
"""Of processor time for one input of 64 KiB: above that, somebody could keep a process busy with little."""
_NUMBERS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xC00C)
_TOKENS: Final = tuple(
    text.encode()
    for text in (
        "null", "true", "-1", "1e400", "NaN", "99999999999999999999", "[]", "{}", '""', '"\\ud800"', "\\u0000",
        "\x00", "\ufeff", "\u2028", "\xe9", "[[", "{{", "((", "[" * 500, '{"a":' * 300, "\n", "\r", "\t", '"', "'",
        "=", ":", ";", "#", "//", "<!--", "&a", "*a", "!!python/object:os.system", "../..", "%00", "\\", "\\032",
        "@", "-9223372036854775809", "0x10", "1_000", "inf", "2026-11-25", "a" * 300, "." * 300, "255.255.255.256",
        "::1%x",
    )
)  # fmt: skip


class Crash(msgspec.Struct, frozen=True):
    """An input that did what none may do."""

    target: str
    data: bytes
    how: str


class Campaign(msgspec.Struct):
    """What became of a target."""

    target: str
    executions: int = 0
    outcomes: int = 0
    slowest_s: float = 0.0
    crash: Crash | None = None


class Target(msgspec.Struct, frozen=True):
    """A parser: what it is fed, and the errors by which it may refuse. Anything else is a crash."""

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refuses: tuple[type[Exception], ...] = ()


def fuzz(target: Target, rng: random.Random, *, most: int, until_s: float = float("inf")) -> Campaign:
    """Run a target on `most` inputs, or until the monotonic clock says `until_s`; ends at the first crash."""
    campaign = Campaign(target.name)
    corpus, known = list(target.seeds), set[str]()
    while campaign.executions < most and time.monotonic() < until_s:
        new = campaign.executions >= len(target.seeds)
        data = mutate(corpus, rng) if new else target.seeds[campaign.executions]
        campaign.executions += 1
        begun = time.thread_time()
        try:
            outcome = _kind(target.run(data))
        except target.refuses as error:
            outcome = _kind(error)
        except Exception as error:
            campaign.crash = Crash(target.name, data, f"{type(error).__name__}: {error}")
            return campaign
        taken = time.thread_time() - begun
        campaign.slowest_s = max(campaign.slowest_s, taken)
        if taken > SLOW_S:
            campaign.crash = Crash(target.name, data, f"{taken:.1f} s for {len(data)} bytes")
            return campaign
        if outcome not in known:
            known.add(outcome)
            if len(corpus) < KEPT_MAX:
                corpus.append(data)
    campaign.outcomes = len(known)
    return campaign


def _kind(result: object) -> str:
    """What kind of outcome this is: figures and quoted parts taken out."""
    if isinstance(result, Exception):
        return type(result).__name__ + re.sub(r"\d+|'[^']*'|\"[^\"]*\"|`[^`]*`", "", str(result))[:120]
    return re.sub(r"\d+", "", repr(result)[:300])


def mutate(corpus: Sequence[bytes], rng: random.Random) -> bytes:
    """One input after one to eight changes."""
    data = bytearray(rng.choice(corpus))
    for _ in range(1 << rng.randrange(4)):
        rng.choice(_CHANGES)(data, corpus, rng)
    return bytes(data[:SIZE_MAX])


def _flip(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _cut(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + 1 + rng.randrange(32)]


def _end(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _repeat(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + 1 + rng.randrange(64)] * (1 << rng.randrange(6))


def _number(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    size = rng.choice((1, 2, 4))
    at = rng.randrange(len(data) + 1)
    data[at : at + size] = (rng.choice(_NUMBERS) & (1 << 8 * size) - 1).to_bytes(size, "big")


def _token(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, 0, 1, 4, 12))] = rng.choice(_TOKENS)


def _splice(data: bytearray, corpus: Sequence[bytes], rng: random.Random) -> None:
    other = rng.choice(corpus)
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]


_CHANGES: Final = (_flip, _set, _cut, _end, _repeat, _number, _token, _splice)
