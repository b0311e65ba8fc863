"""Arguments and objects to call a function with, as source text: a person can read them and put better ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_PLAIN = {
    "str": "'x'",
    "int": "1",
    "float": "1.0",
    "bool": "False",
    "bytes": "b'x'",
    "dict": "{}",
    "list": "[]",
    "set": "set()",
    "tuple": "()",
    "Path": "Path('x')",
    "None": "None",
}


def arguments(function: Callable[..., Any], *, skip: int = 0) -> str:
    """Text of the arguments that a call needs: those without a default. `skip`: leading ones that are given.

    Raises:
        TypeError, ValueError: it has no signature.
    """
    parts = []
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = _value(parameter)
        parts.append(value if parameter.kind is not parameter.KEYWORD_ONLY else f"{parameter.name}={value}")
    return ", ".join(parts)


def _value(parameter: inspect.Parameter) -> str:
    """By its annotation where that is a plain type; else something that stands in for it."""
    annotation = parameter.annotation
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if "None" in str(annotation):
        return "None"
    plain = text.strip("'\"").partition("[")[0].rpartition(".")[2]
    return _PLAIN.get(plain, f"Stand({parameter.name!r})")
