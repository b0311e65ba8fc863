"""`[tool.holdfast.audit]` in pyproject.toml: what a project asks of every run.

paths = ["src"]
exclude = ["src/generated"]
tier = "high"
ignore = ["HF008"]
baseline = "audit-baseline.json"
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holdfast.audit.values import Tier

FILE = "pyproject.toml"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All keys are optional; paths are relative to the file. `rules` empty means all of them."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tier: Tier = Tier.MEDIUM
    rules: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    baseline: str = ""

    def chosen(self, asked: Sequence[str], every: Sequence[str]) -> tuple[str, ...]:
        """The rules of a run: those that are asked for; else `rules`, or all there are, without `ignore`."""
        return tuple(asked) or tuple(rule for rule in self.rules or every if rule not in self.ignore)


class BadSettings(Exception):
    """The table is wrong; the text names file and key."""


def find(start: Path) -> Path | None:
    """The nearest pyproject.toml, from `start` upwards."""
    folders = (start.absolute(), *start.absolute().parents)
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def read(path: Path) -> Settings:
    """The table of a pyproject.toml; without one, the defaults.

    Raises:
        BadSettings: no TOML, or a key or value that is not known.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}") from error
    tool = document.get("tool", {})
    of_holdfast = tool.get("holdfast", {}) if isinstance(tool, dict) else {}
    table = of_holdfast.get("audit", {}) if isinstance(of_holdfast, dict) else {}
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(f"{path}: [tool.holdfast.audit]: {error}") from error
