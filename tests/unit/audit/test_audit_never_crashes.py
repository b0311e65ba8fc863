"""Whatever text it is given, the audit says findings or why it can't read it; never a traceback."""

from __future__ import annotations

import ast
import re

from gallery_of import snippets
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.audit.engine import audit_texts
from holdfast.audit.sources import Source

TEXTS = [text for _, text in snippets()]
PIECES = sorted(
    {piece for text in TEXTS for piece in re.findall(r"\w+|[^\w\s]", text)}
    | {
        "yield",
        "lambda x:",
        "async for",
        "match",
        "case _:",
        "global x",
        "nonlocal x",
        "*",
        "**",
        ":=",
        "\\",
        "\0",
        "é",
    }
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Snippets put together, with tokens replaced, inserted or dropped, and lines moved."""
    lines = "\n".join(draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3))).split("\n")
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        tokens = re.split(r"(\W+)", lines[at])
        spot = draw(st.integers(0, len(tokens) - 1))
        change = draw(st.integers(0, 3))
        if change == 0:
            tokens[spot] = draw(st.sampled_from(PIECES))
        elif change == 1:
            tokens.insert(spot, f" {draw(st.sampled_from(PIECES))} ")
        elif change == 2:
            del tokens[spot]
        else:
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        lines[at] = "".join(tokens)
    return "\n".join(lines)


@given(mutated())
@settings(max_examples=80, deadline=None)
def test_mutated_python_is_audited_or_told(text: str) -> None:
    """What parses is audited; what doesn't is told with a reason."""
    report = audit_texts([Source("m.py", "m", text)])
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        assert len(report.unread) == 1
        assert report.unread[0].reason
    else:
        assert report.files == 1


@given(mutated())
@settings(max_examples=20, deadline=None)
def test_the_same_text_gives_the_same_report(text: str) -> None:
    """No order of sets or dictionaries shows in a report."""
    assert audit_texts([Source("m.py", "m", text)]) == audit_texts([Source("m.py", "m", text)])
