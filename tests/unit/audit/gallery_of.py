"""The gallery: small snippets, with `#! RULE [tier]` on each line where an act must be found, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

GALLERY = Path(__file__).parent / "gallery"
_MARK = re.compile(r"#! (HF\d{3})(?: (high|medium|low))?")


def snippets() -> Iterator[tuple[str, str]]:
    """Name and text of every snippet."""
    for file in sorted(GALLERY.glob("*.txt")):
        for part in file.read_text().split("\n## ")[0:]:
            name, _, text = part.removeprefix("## ").partition("\n")
            yield f"{file.stem}: {name}", text.strip("\n") + "\n"


def expected(text: str) -> list[tuple[int, str, str]]:
    """Line, rule and tier (may be empty) of each mark."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        found += [(number, m[1], m[2] or "") for m in _MARK.finditer(line)]
    return found
