"""From paths to syntax trees. What can't be read is a value with its reason, never a traceback."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from holdfast.audit.values import Unread

LARGEST_BYTES = 4_000_000
"""Larger files are tables or generated code; a parse would take gigabytes."""
SKIPPED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".venv", "venv", ".tox", ".nox", "node_modules", ".mypy_cache"}
)
_PYTHON2 = re.compile(r"^\s*(print\s+[\"'\w%]|exec\s+[\"']|raise\s+\w+\s*,|except\s+[\w.]+\s*,\s*\w+\s*:)", re.M)


class Source(msgspec.Struct, frozen=True):
    """A file's text with the name it is imported by."""

    file: str
    module: str
    text: str


class Parsed(msgspec.Struct):
    """A source with its tree."""

    source: Source
    tree: ast.Module


def discover(paths: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[str]:
    """All Python files under `paths`, each once, sorted; a loop of symbolic links is entered once."""
    seen: set[str] = set()
    for path in paths:
        if not Path(path).is_dir():
            yield from _once(path, seen)
            continue
        for folder, folders, files in os.walk(path, followlinks=True):
            folders[:] = sorted(f for f in folders if _enter(Path(folder, f), seen, exclude))
            for name in sorted(files):
                whole = str(Path(folder, name))
                if name.endswith((".py", ".pyw")) and not _matches(whole, exclude):
                    yield from _once(whole, seen)


def _enter(folder: Path, seen: set[str], exclude: Sequence[str]) -> bool:
    if folder.name in SKIPPED or _matches(str(folder), exclude):
        return False
    real = os.path.realpath(folder)
    if real in seen:
        return False
    seen.add(real)
    return True


def _once(path: str, seen: set[str]) -> Iterator[str]:
    real = os.path.realpath(path)
    if real not in seen:
        seen.add(real)
        yield path


def _matches(path: str, patterns: Sequence[str]) -> bool:
    plain = path.replace(os.sep, "/")
    return any(fnmatch(plain, p) or fnmatch(plain, f"*/{p}") or fnmatch(plain, f"{p}/*") for p in patterns)


def module_name(file: str) -> str:
    """The dotted name a file is imported by, read from where `__init__.py` files stop."""
    path = Path(file).absolute()
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) or path.parent.name


def read(file: str) -> Source | Unread:
    """One file's text, by its own coding declaration."""
    path = Path(file)
    try:
        if not path.is_file():
            return Unread(file, 0, "no regular file")
        if (size := path.stat().st_size) > LARGEST_BYTES:
            return Unread(file, 0, f"too large: {size:,} bytes of at most {LARGEST_BYTES:,}")
        data = path.read_bytes()
    except OSError as error:
        return Unread(file, 0, f"can't be opened: {error.strerror}")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Unread(file, 0, f"not text in its declared encoding: {_short(error)}")
    return Source(file, module_name(file), text.replace("\r\n", "\n").replace("\r", "\n"))


def parse(source: Source) -> Parsed | Unread:
    """The tree, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's strings
            return Parsed(source, ast.parse(source.text, filename=source.file))
    except SyntaxError as error:
        if _PYTHON2.search(source.text):
            return Unread(source.file, error.lineno or 0, "Python 2")
        return Unread(source.file, error.lineno or 0, f"syntax: {error.msg}")
    except ValueError as error:  # null bytes
        return Unread(source.file, 0, f"syntax: {_short(error)}")
    except (RecursionError, MemoryError):
        return Unread(source.file, 0, "nested too deeply to parse")


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
