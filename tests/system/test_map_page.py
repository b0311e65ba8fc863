"""The map's page in Debian's chromium: search, choose, see what falls; the count equals the JSON's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from browser import Watched, chromium
from holdfast.depmap.merging import merge
from holdfast.depmap.page import to_page
from holdfast.depmap.report import Answers
from holdfast.depmap.sources.opening import read
from holdfast.depmap.values import Map, Need, Service

pytestmark = pytest.mark.xdist_group("browser")

CONTRAST_MIN = 4.5
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">@DATA@"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def october() -> Answers:
    """The example that ships."""
    return Answers(merge([read("examples/map/october-2025.toml")]))


@pytest.fixture(scope="module")
def file(october: Answers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its page."""
    found = tmp_path_factory.mktemp("map") / "map.html"
    found.write_text(to_page(october), encoding="utf-8")
    return found


def test_every_service_takes_down_what_the_report_says(browser: Browser, october: Answers, file: Path) -> None:
    """The page's own closure and the report's are two programs: they agree on all services."""
    watched = Watched(browser)
    page = watched.open(file)
    report = october.report()
    for row in report.rows:
        page.fill("#search", row.name)
        page.locator("#list button", has_text=row.name).first.click()
        name = page.locator("#one h2").inner_text()
        blast = next(r.blast for r in report.rows if r.name == name)
        assert page.locator("#count").inner_text() == f"{blast:,}", name
    watched.close()


def test_the_first_thing_seen_is_the_empty_name(browser: Browser, file: Path) -> None:
    """The largest blast radius is chosen at once; its waves list all that fall."""
    watched = Watched(browser)
    page = watched.open(file)
    assert page.locator("#count").inner_text() == "113"
    assert watched.texts("#failed .chip") == ["database name ×"]
    while page.locator("#waves .action").count():
        page.locator("#waves .action").first.click()
    assert len(set(watched.texts("#waves .chip"))) == 113
    watched.close()


def test_several_failures_fall_together_and_can_be_taken_back(
    browser: Browser, october: Answers, file: Path
) -> None:
    """Two services fail; the count is that of the command `map fail`."""
    watched = Watched(browser)
    page = watched.open(file, "#containers")
    alone = page.locator("#count").inner_text()
    assert alone == str(len(october.blast("containers")))
    page.evaluate("toggle(byName.get('functions'))")
    assert page.locator("#count").inner_text() == str(len(october.falls(["containers", "functions"])))
    page.get_by_label("functions: take back its failure").click()
    assert page.locator("#count").inner_text() == alone
    watched.close()


def test_search_finds_by_any_attribute_and_enter_chooses(browser: Browser, file: Path) -> None:
    """A region is typed, the first found is chosen by the keyboard, and the address remembers it."""
    watched = Watched(browser)
    page = watched.open(file)
    page.fill("#search", "zone b")
    assert watched.texts("#list .name") == ["enactor b"]
    page.press("#search", "Enter")
    assert page.locator("#one h2").inner_text() == "enactor b"
    assert page.url.endswith("#enactor%20b")
    page.fill("#search", "no such thing")
    assert page.locator("#found").inner_text() == "0 services, by what falls with them"
    watched.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_it_can_be_read_everywhere(browser: Browser, file: Path, width: int, scheme: str) -> None:
    """No sideways scrolling of the page, and enough contrast, in both colour schemes."""
    watched = Watched(browser, width=width, scheme="dark" if scheme == "dark" else "light")
    watched.open(file)
    assert watched.overflow_px == 0
    ratio, text = watched.poorest_contrast()
    assert ratio >= CONTRAST_MIN, text
    watched.close()


def test_names_are_text_whatever_they_hold(browser: Browser, tmp_path: Path) -> None:
    """Markup in a name, a source or a place stays text."""
    of = Answers(Map((Service(HOSTILE, owner=HOSTILE), Service("b")), (Need(HOSTILE, ("b",)),)))
    file = tmp_path / "hostile.html"
    file.write_text(to_page(of), encoding="utf-8")
    watched = Watched(browser)
    page = watched.open(file)
    assert page.title() == "Map: 2 services, 1 dependency"
    assert HOSTILE in watched.texts("#list .name")
    watched.close()
