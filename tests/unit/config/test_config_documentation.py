"""The file that the documentation shows is a good file, and really shows every key."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.config.loading import read_text
from holdfast.config.settings import Loaded
from holdfast.model.configuration import CheckKind, Limits, ProviderKind

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


def _example() -> str:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    return str(text)


def test_the_documented_example_is_good() -> None:
    """No error and no warning."""
    loaded = read_text(_example(), "configuration.md")
    assert isinstance(loaded, Loaded), loaded.problems
    assert loaded.problems == ()
    assert {e.zone for e in loaded.configuration.endpoints} == {"shop.example", "lab.example"}


def test_the_documented_limits_are_the_defaults() -> None:
    """The example shows defaults, and these are the program's."""
    loaded = read_text(_example(), "configuration.md")
    assert isinstance(loaded, Loaded)
    assert loaded.configuration.limits == Limits()


def test_every_key_and_word_is_documented() -> None:
    """Each key that the reader knows, and each word of a choice, stands in the example."""
    text = _example()
    sources = (Path(__file__).parents[3] / "src" / "holdfast" / "config").glob("*.py")
    methods = r"\.(?:text|integer|integers|share|duration_s|boolean|choice|texts|table|tables)\(\s*"
    helpers = r"_(?:address|word|domain|listen)\(\w+, "
    reads = rf'(?:{methods}|{helpers})"(\w+)"'
    known = {key for path in sources for key in re.findall(reads, path.read_text())}
    assert {"scope", "quorum", "ipv6", "key_env", "body_contains", "metrics_listen", "vantage"} <= known
    assert [key for key in sorted(known) if not re.search(rf"\b{key}\b", text)] == []
    words = {k.value for k in CheckKind} | {k.value for k in ProviderKind} - {"memory"}
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", text)] == []
