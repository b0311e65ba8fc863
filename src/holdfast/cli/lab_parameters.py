"""Parameters of `holdfast lab`: a budget in time or in counts, and where tapes and pages go."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from holdfast.cli.common import fail

HERE = Path(".holdfast") / "lab"
"""Where tapes and pages go when nobody says where: a report always names a file that replays it."""
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
COUNT_MAX = 10**12
SECONDS_MAX = 7 * 86_400.0


class Budget(msgspec.Struct, frozen=True):
    """Where a search stops."""

    seconds: float = 60.0
    count: int = COUNT_MAX


class BudgetType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer clicks
    """`30s`, `2m`, `1h`, or a count like `5000`: then time does not end the search."""

    name = "TIME|COUNT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        """Read it."""
        if isinstance(value, Budget):
            return value
        text = str(value).strip()
        time = _TIME.fullmatch(text)
        if time is not None and 0 < (seconds := float(time[1]) * _UNITS[time[2]]) <= SECONDS_MAX:
            return Budget(seconds=seconds)
        plain = text.replace("_", "").replace(",", "")
        if plain.isascii() and plain.isdecimal() and 0 < int(plain) <= COUNT_MAX:
            return Budget(seconds=SECONDS_MAX, count=int(plain))
        return self.fail(f"{text!r} is no budget: a time like 30s, 2m or 1h, or a count like 5000", param, ctx)


class Files(NamedTuple):
    """Where tape and page of one run go."""

    tape: Path
    page: Path


def files_for(out: str | None, stem: str) -> Files:
    """`out` is a directory, or a file that ends in .json or .html; the other one lies beside it."""
    path = HERE if out is None else Path(out)
    if path.suffix not in (".json", ".html") or path.is_dir():
        path = path / stem
        return Files(path.with_name(f"{stem}.json"), path.with_name(f"{stem}.html"))
    return Files(path.with_suffix(".json"), path.with_suffix(".html"))


def write_page(out: str, stem: str, page: Callable[[], str]) -> str:
    """Write the page of a run to where `out` says; exits if that can't be. Where it lies."""
    path = files_for(out, stem).page
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(), encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}; name another place with --out")
    return str(path)
