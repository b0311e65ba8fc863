"""The regression corpus: tapes of what was found once, replayed on the code of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.lab.commands import load_tape, replay_tape
from holdfast.lab.tape import TapeMismatchError, decode_tape

TAPES = sorted((Path(__file__).parent / "tapes").glob("*.json"))


def test_there_is_a_corpus() -> None:
    """At least one tape for each specimen."""
    assert len(TAPES) >= 4


@pytest.mark.parametrize("path", TAPES, ids=lambda p: p.stem)
def test_the_tape_replays_bit_for_bit(path: Path) -> None:
    """Same trace, same breakage, on every supported Python."""
    tape = load_tape(path)
    run = replay_tape(tape)
    assert run.trace == tape.trace
    assert run.broken == tape.broken


def test_what_is_no_tape_is_refused_with_its_reason() -> None:
    """A tape file that was cut off is named as such."""
    with pytest.raises(TapeMismatchError, match="not a tape"):
        decode_tape(b'{"scenario": "2025", "cho')
