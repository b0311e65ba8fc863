"""YAML with line numbers, for the kinds of sources that are YAML. Anything odd in it is an `Unreadable`."""

from __future__ import annotations

from typing import Any

from holdfast.depmap.sources.faults import Unreadable

DOCUMENTS_MAX = 100_000


def read_documents(text: str, path: str) -> list[tuple[int, Any]]:
    """All documents of a YAML text, each with the line that it begins on."""
    try:
        import yaml
    except ImportError:
        raise Unreadable(path, "YAML needs PyYAML", "pip install 'holdfast[map]'") from None
    found: list[tuple[int, Any]] = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_node() and len(found) < DOCUMENTS_MAX:
            node = loader.get_node()
            found.append((node.start_mark.line + 1 if node else 1, loader.construct_document(node)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise Unreadable(where, f"is no YAML: {getattr(error, 'problem', None) or error}", "") from None
    except (RecursionError, ValueError, TypeError) as error:
        raise Unreadable(path, f"is no YAML that can be read: {type(error).__name__}", "") from None
    finally:
        loader.dispose()
    return found


def table(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one: half-written files are usual."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    """The texts in a list; a single text counts as a list of one."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
