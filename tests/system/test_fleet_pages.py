"""The pages of whole fleets in Debian's chromium: `lab ablate` and the whole day show what their JSON says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from playwright.sync_api import Browser

from browser import Watched, chromium
from holdfast.cli.main import main
from holdfast.fleet import ablation
from holdfast.fleet.ablation import Result, cases
from holdfast.fleet.ablation_table import said
from holdfast.fleet.day.scripts import OCTOBER
from holdfast.fleet.pages.ablation import MOST
from holdfast.webpage.plots import LEFT, RIGHT, WIDTH

pytestmark = pytest.mark.xdist_group("browser")

CONTRAST_MIN = 4.5
BARS = """() => [...document.querySelectorAll("svg.plot")].map((plot) => ({
  title: plot.querySelector("title").textContent,
  bars: [...plot.querySelectorAll("rect[rx]")].map((bar) => Number(bar.getAttribute("width"))),
  words: [...plot.querySelectorAll("text")].map((text) => text.textContent),
  lines: [...plot.querySelectorAll("polyline")].map((line) =>
    line.getAttribute("points").split(" ").map((point) => point.split(",").map(Number))),
}))"""

Page: TypeAlias = tuple[Path, dict[str, Any]]
CELLS_OF_ROWS = "[...document.querySelectorAll('tr')].slice(1).map((r) => [...r.cells].map((c) => c.textContent))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with chromium() as found:
        yield found


def _holdfast(*arguments: str) -> dict[str, Any]:
    """`holdfast ... --format json` by its entry point: what it printed."""
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(StringIO()) as out:
        patched.setattr("sys.argv", ["holdfast", *arguments, "--format", "json"])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Nine rows of the ablations in one cell, small fleets."""
    file = tmp_path_factory.mktemp("ablation") / "ablation.html"
    rows = tuple(c for c in cases() if c.group == "whole" or "stall" in c.name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ablation, "CELLS", ((0.6, 4.0),))
        patched.setattr(ablation, "cases", lambda: rows)
        return file, _holdfast("lab", "ablate", "--size", "100", "--seeds", "1", "--out", str(file))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """20 October 2025 on both designs."""
    file = tmp_path_factory.mktemp("day") / "day.html"
    return file, _holdfast("lab", "drill", "october-2025", "--whole-day", "--out", str(file))


def _width(share: float) -> float:
    return max(2.0, (WIDTH - LEFT - RIGHT) * share)


def test_the_page_of_ablations_shows_what_the_json_says(browser: Browser, ablated: Page) -> None:
    """Every row of the table, and every bar to a tenth of a pixel; nothing in the browser's console."""
    file, document = ablated
    results = [msgspec.convert(one, Result) for one in document["results"]]
    watched = Watched(browser)
    page = watched.open(file)
    rows = page.evaluate(CELLS_OF_ROWS)
    assert rows == [[r.group, r.name, said(r)] for r in results]
    recovery, stall = page.evaluate(BARS)
    assert recovery["bars"] == pytest.approx(
        [_width(1.0 if r.recovered_s is None else min(1.0, r.recovered_s / r.ideal_s / MOST)) for r in results],
        abs=0.1,
    )
    held = [r.held_least_share for r in results if r.held_least_share is not None]
    assert len(held) == 4
    assert stall["bars"] == pytest.approx([_width(share) for share in held], abs=0.1)
    assert all(any(r.name in words for words in recovery["words"]) for r in results)
    assert watched.poorest_contrast()[0] >= CONTRAST_MIN
    watched.close()


def _at(plot: dict[str, Any], line: int, share: float, *, after_s: float) -> float:
    """When a line of a chart reaches a share for the first time after a moment, in seconds."""
    from_x = LEFT + (WIDTH - LEFT - RIGHT) * after_s / OCTOBER.until_s
    top, bottom = 30, 240
    y_most = bottom - (bottom - top) * share + 0.1
    x = next(x for x, y in plot["lines"][line] if x >= from_x and y <= y_most)
    seconds: float = (x - LEFT) / (WIDTH - LEFT - RIGHT) * OCTOBER.until_s
    return seconds


def test_the_page_of_the_day_shows_what_the_json_says(browser: Browser, day: Page) -> None:
    """Its sentences and assumptions, and leases that are back in the chart when the JSON says so."""
    file, document = day
    watched = Watched(browser)
    page = watched.open(file)
    old, new = document["days"]
    assert watched.texts(".verdict li") == [*old["told"], *new["told"]]
    assert new["told"][-1].endswith(": as promised")
    plots = page.evaluate(BARS)
    assert len(plots[0]["bars"]) == len(OCTOBER.history)
    assert [len(plot["lines"]) for plot in plots] == [0, 0, 4, 2, 3, 0, 4, 2, 3]
    assert all(len(plots[played]["bars"]) >= 5 for played in (1, 5)), "as played, under the historical day"
    for each, plot in ((old, plots[2]), (new, plots[6])):
        shown_s = _at(plot, 0, 0.99, after_s=each["cause_over_s"])
        assert shown_s == pytest.approx(each["held_again_s"], abs=180)
    shown = [(row[0], row[3]) for row in page.evaluate(CELLS_OF_ROWS)]
    assert shown == [(name, f"{value:.4g}") for name, value in old["assumed"].items()]
    assert watched.poorest_contrast()[0] >= CONTRAST_MIN
    watched.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light"), (390, "dark")])
def test_both_pages_can_be_read_everywhere(
    browser: Browser, ablated: Page, day: Page, width: int, scheme: str
) -> None:
    """No sideways scrolling of the page, and enough contrast, in both colour schemes."""
    for file, _ in (ablated, day):
        watched = Watched(browser, width=width, scheme="dark" if scheme == "dark" else "light")
        watched.open(file)
        assert watched.overflow_px == 0
        ratio, text = watched.poorest_contrast()
        assert ratio >= CONTRAST_MIN, text
        watched.close()
