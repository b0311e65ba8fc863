"""The designs that the laboratory breaks, read instead of run: the audit must see why they break."""

from __future__ import annotations

from pathlib import Path

import pytest

import holdfast.lab.specimens
from holdfast.audit.engine import audit_files

FOLDER = Path(holdfast.lab.specimens.__file__).parent


@pytest.mark.parametrize(
    ("file", "function", "rule"),
    [
        ("october.py", "enactor", "HF005"),
        ("october.py", "_clean_up", "HF006"),
        ("first_fix.py", "enactor", "HF005"),
        ("first_fix.py", "_clean_up", "HF004"),
    ],
)
def test_the_flaw_of_a_specimen_is_found(file: str, function: str, rule: str) -> None:
    """2025: the plan checked once and applied late, old plans deleted without asking; its first fix: asked, then
    acted on the answer."""
    found = {(f.function, f.rule) for f in audit_files([str(FOLDER / file)]).findings if f.tier.value != "low"}
    assert (function, rule) in found
