"""Suppression in the source: `# holdfast: ignore[HF001] the reason`.

It counts for findings whose check, gap or act is on its line; alone on a line, for the next line of code. A reason
is demanded: without one, nobody can tell later whether it still holds.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator

from holdfast.audit.values import Comment

_COMMENT = re.compile(r"#\s*holdfast:\s*ignore\b\s*(?:\[(?P<rules>[^\]]*)\])?\s*(?P<reason>[^#]*)")
_EMPTY = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT})


def comments(file: str, text: str) -> tuple[Comment, ...]:
    """All suppressions in a file's text; none in one that can't be tokenized (it is told as not read)."""
    if _COMMENT.search(text) is None:
        return ()  # most files: not worth their tokens
    try:
        return tuple(_comments(file, list(tokenize.generate_tokens(io.StringIO(text).readline))))
    except (tokenize.TokenError, SyntaxError):
        return ()


def _comments(file: str, tokens: list[tokenize.TokenInfo]) -> Iterator[Comment]:
    for number, token in enumerate(tokens):
        found = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
        if found is None:
            continue
        line = token.start[0]
        alone = token.line[: token.start[1]].strip() == ""
        rules = tuple(rule.strip() for rule in (found["rules"] or "").split(",") if rule.strip())
        target = _next_code(tokens[number + 1 :], line) if alone else line
        yield Comment(file, line, target, rules, found["reason"].strip())


def _next_code(after: Iterable[tokenize.TokenInfo], line: int) -> int:
    return next((token.start[0] for token in after if token.type not in _EMPTY), line)
