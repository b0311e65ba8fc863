"""A TOML text as values with positions: tomllib says what it means, tree-sitter where each key and value stands.

tomllib alone knows no positions and stops at the first fault; tree-sitter alone does not know TOML's rules on
redefinition. A text is good when tomllib reads it; then the positions are looked up in the tree.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeAlias

import msgspec
import tree_sitter
import tree_sitter_toml

from holdfast.config.problems import Position, Problem

Path: TypeAlias = tuple[str | int, ...]
"""Keys and array indexes from the root: `("endpoint", 0, "ttl")`."""

START = Position(1, 1)
_LANGUAGE = tree_sitter.Language(tree_sitter_toml.language())
_AT = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
_PUNCTUATION = frozenset({"[", "]", "[[", "]]", "{", "}", ",", "=", "comment"})


class SourceMap(msgspec.Struct, frozen=True):
    """Where keys and values stand. A path that is not in the file answers with its nearest ancestor."""

    keys: dict[Path, Position]
    values: dict[Path, Position]

    def key(self, path: Path) -> Position:
        """Place of a key."""
        return _nearest(self.keys, path)

    def value(self, path: Path) -> Position:
        """Place of a value; of its key when the value spans a table."""
        return self.values[path] if path in self.values else _nearest(self.keys, path)


class Source(msgspec.Struct, frozen=True):
    """A readable TOML text."""

    path: str
    text: str
    document: dict[str, Any]
    places: SourceMap


def dotted(path: Path) -> str:
    """A path for people: `endpoint[0].ttl`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_source(text: str, path: str) -> Source | tuple[Problem, ...]:
    """Read a TOML text, or say what is no TOML in it."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        return _syntax_problems(text, path, error)
    return Source(path=path, text=text, document=document, places=_Walk(text).source_map())


def _nearest(positions: dict[Path, Position], path: Path) -> Position:
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, START)


def _syntax_problems(text: str, path: str, error: Exception) -> tuple[Problem, ...]:
    """tomllib's fault, and every further place that tree-sitter could not read, one a line."""
    found = _AT.fullmatch(str(error))
    if isinstance(error, RecursionError):
        first, what = START, "tables or arrays are nested too deeply"
    elif found is not None and found["line"]:
        first, what = Position(int(found["line"]), int(found["column"])), found["what"]
    else:
        lines = text.split("\n")
        first, what = Position(len(lines), len(lines[-1]) + 1), found["what"] if found else str(error)
    problems = {first.line: Problem(path, first.line, first.column, "", f"not TOML: {what}", _hint(text, first))}
    if not isinstance(error, RecursionError):
        for position in _Walk(text).faults():
            problems.setdefault(
                position.line,
                Problem(
                    path, position.line, position.column, "", "not TOML: cannot be read", _hint(text, position)
                ),
            )
    return tuple(problems[line] for line in sorted(problems))


def _hint(text: str, position: Position) -> str:
    lines = text.split("\n")
    line = lines[position.line - 1].strip() if position.line <= len(lines) else ""
    _, separator, value = line.partition("=")
    if separator and re.match(r"\s*[A-Za-z_/]", value) and value.strip() not in ("true", "false"):
        return f'text needs quotes: = "{value.strip()}"'
    if not separator and re.match(r"[\w.-]+\s*:", line):
        return "TOML sets a key with `=`, not with `:`"
    return ""


class _Walk:
    """One pass over a syntax tree."""

    def __init__(self, text: str) -> None:
        self._bytes_of_lines = text.encode("utf-8", "surrogateescape").split(b"\n")
        parser = tree_sitter.Parser(_LANGUAGE)
        self._root = parser.parse(b"\n".join(self._bytes_of_lines)).root_node
        self._keys: dict[Path, Position] = {}
        self._values: dict[Path, Position] = {}
        self._array_tables: dict[Path, int] = {}

    def source_map(self) -> SourceMap:
        for node in self._root.children:
            if node.type in ("table", "table_array_element"):
                self._table(node)
            elif node.type == "pair":
                self._pair(node, ())
        return SourceMap(keys=self._keys, values=self._values)

    def faults(self) -> tuple[Position, ...]:
        """Where the tree has errors or missing pieces, in order."""
        found: list[Position] = []
        pending = [self._root]
        while pending:
            node = pending.pop()
            if node.type == "ERROR" or node.is_missing:
                found.append(self._position(node))
            elif node.has_error:
                pending.extend(node.children)
        return tuple(sorted(found))

    def _position(self, node: tree_sitter.Node) -> Position:
        row, column = node.start_point
        line = self._bytes_of_lines[row] if row < len(self._bytes_of_lines) else b""
        return Position(row + 1, len(line[:column].decode("utf-8", "replace")) + 1)

    def _table(self, node: tree_sitter.Node) -> None:
        key = next((c for c in node.children if c.type.endswith("_key")), None)
        if key is None:
            return
        names = _key_names(key)
        base: Path = ()
        for name in names[:-1]:
            base = (*base, name)
            self._keys.setdefault(base, self._position(key))
            if base in self._array_tables:
                base = (*base, self._array_tables[base])
        base = (*base, names[-1])
        if node.type == "table_array_element":
            self._keys.setdefault(base, self._position(key))
            self._array_tables[base] = self._array_tables.get(base, -1) + 1
            base = (*base, self._array_tables[base])
        self._keys.setdefault(base, self._position(key))
        for child in node.children:
            if child.type == "pair":
                self._pair(child, base)

    def _pair(self, node: tree_sitter.Node, base: Path) -> None:
        parts = [c for c in node.children if c.type not in _PUNCTUATION]
        if len(parts) < 2:
            return
        path = base
        for name in _key_names(parts[0]):
            path = (*path, name)
            self._keys.setdefault(path, self._position(parts[0]))
        self._value(parts[1], path)

    def _value(self, node: tree_sitter.Node, path: Path) -> None:
        self._values[path] = self._position(node)
        if node.type == "inline_table":
            for child in node.children:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            elements = (c for c in node.children if c.type not in _PUNCTUATION)
            for index, element in enumerate(elements):
                self._keys[(*path, index)] = self._position(element)
                self._value(element, (*path, index))


def _key_names(node: tree_sitter.Node) -> tuple[str, ...]:
    """Names in a bare, quoted or dotted key. tomllib reads them, so escapes mean what they mean in TOML."""
    text = (node.text or b"").decode("utf-8", "replace")
    if node.type == "bare_key":
        return (text,)
    table: Any = tomllib.loads(f"{text} = 0")
    names: list[str] = []
    while isinstance(table, dict):
        ((name, table),) = table.items()
        names.append(name)
    return tuple(names)
