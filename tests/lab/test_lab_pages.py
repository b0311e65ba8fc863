"""The HTML pages in Debian's chromium: what they show equals the tape, and stepping works in every way."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

import leader_election
from browser import Watched, chromium
from holdfast import lab
from holdfast.lab.aio.running import Ended
from holdfast.lab.aio.telling import did
from holdfast.lab.commands import drill, load_tape, replay_tape
from holdfast.lab.drills import Sort
from holdfast.lab.pages import run_page
from holdfast.lab.story import tell
from holdfast.lab.tape import Run
from holdfast.lab.telling.observed import Name, Served, World
from holdfast.lab.telling.steps import Told, told

pytestmark = pytest.mark.xdist_group("browser")

TAPES = sorted((Path(__file__).parent / "tapes").glob("*.json"))
OCTOBER = next(t for t in TAPES if t.stem == "2025-calm")
CONTRAST_MIN = 4.5
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">@DATA@"

Open = Callable[..., Watched]

SHOWN = """() => {
  const texts = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent);
  return {
    step: {
      number: texts("#step-number"), who: texts("#step-title"), did: texts("#did"), came: texts("#came"),
      broke: texts("#broke"), hidden: document.getElementById("broke").hidden,
      conditions: texts(".conditions li"), changes: texts(".changes td"),
      old: texts(".olds li").map((text) => text.split(" see step ")[0].trim()),
      acting: texts(".grid .name.acts"), pill: texts(".grid .pill").slice(-1),
    },
    world: {
      names: [...document.querySelectorAll(".names tr")].map((row) => [...row.cells].map((c) => c.textContent)),
      records: texts(".records tr:not(.out) td"), fences: texts("#observed .fence"),
      documents: texts(".documents tr:not(.out) td"),
    },
  };
}"""
"""All that the page says about the step that it stands at."""

MARKS = """() => {
  const middle = (one) => { const box = one.getBoundingClientRect(); return box.top + box.height / 2; };
  const names = [...document.querySelectorAll(".grid .name")];
  return [...document.querySelectorAll(".mark")].map((mark) => ({
    step: mark.dataset.step,
    lane: names.find((name) => Math.abs(middle(name) - middle(mark)) < 1).textContent,
    x: mark.getBoundingClientRect().left,
  }));
}"""
"""Each mark with the name that it is level with."""


@cache
def run_of(tape: Path) -> Run:
    """The tape, replayed on the code of today."""
    return replay_tape(load_tape(tape))


async def _hostile_task() -> None:
    seen: list[str] = []

    async def add(name: str) -> None:
        await asyncio.sleep(0)
        seen.append(name)

    tasks = [asyncio.create_task(add(name), name=f"{HOSTILE}{name}") for name in "ab"]
    await asyncio.gather(*tasks)
    assert seen == ["a", "b"]


@cache
def schedule() -> lab.Report:
    """A broken run of asyncio code, with a task whose name is markup."""
    return lab.explore(_hostile_task)


@cache
def election() -> lab.Report:
    """A broken run of somebody else's code on the ports."""
    return lab.explore(leader_election.election(fenced=False))


REPORTS = {"schedule": schedule, "election": election}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages: of each tape, and of the drill, made by the command."""
    directory = tmp_path_factory.mktemp("pages")
    found = {}
    for tape in TAPES:
        found[tape.stem] = directory / f"{tape.stem}.html"
        found[tape.stem].write_text(run_page(run_of(tape), [("Bounds", "as on the tape")]), encoding="utf-8")
    found["hostile"] = directory / "hostile.html"
    found["hostile"].write_text(run_page(run_of(OCTOBER), [("Design", HOSTILE)]), encoding="utf-8")
    for name, report in REPORTS.items():
        found[name] = directory / f"{name}.html"
        found[name].write_text(report().page("pytest --lab-replay <it>"), encoding="utf-8")
    program = "from holdfast.cli.main import main; main()"
    arguments = ["lab", "drill", "october-2025", "--out", str(directory)]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True)
    found["drill"] = directory / "october-2025.html"
    return found


@pytest.fixture(scope="module")
def browser(pages: dict[str, Path]) -> Iterator[Browser]:
    """One browser for all tests; after the pages, since a run can't be replayed within Playwright's loop."""
    with chromium() as running:
        yield running


@pytest.fixture
def window(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """Opens a page in a window of its own; at the end each of them has to have been quiet."""
    opened: list[Watched] = []

    def open_page(name: str, fragment: str = "", **how: Any) -> Watched:
        watched = Watched(browser, **how)
        opened.append(watched)
        watched.open(pages[name], fragment)
        return watched

    yield open_page
    for watched in opened:
        watched.close()


def _served(name: Name) -> list[str]:
    if name.addresses:
        found = "".join(name.addresses)
    else:
        found = "NOTHING: no addresses" if name.served is Served.EMPTY else name.served.value
    return [name.name, f"{found}alias of {name.via}" if name.via else found]


def _world(world: World) -> dict[str, Any]:
    return {
        "names": [_served(name) for zone in world.zones for name in zone.names],
        "records": [text for zone in world.zones for record in zone.records for text in record],
        "fences": [zone.fence for zone in world.zones if zone.fence],
        "documents": [text for document in world.documents for text in document],
    }


def _step(step: Told, last: int) -> dict[str, Any]:
    return {
        "number": [f"Step {step.number} of {last}"],
        "who": [step.who],
        "did": [step.did],
        "came": [f"Result: {step.came}" if step.came else ""],
        "broke": [f"It broke here. {step.broke}" if step.broke else ""],
        "hidden": not step.broke,
        "conditions": [c.text for c in step.conditions],
        "changes": [text for c in step.changes for text in (c.what, c.was, c.now)],
        "old": [s.text() for s in step.stale],
        "acting": [step.who],
        "pill": [str(step.number)],
    }


@pytest.mark.parametrize("tape", TAPES, ids=lambda p: p.stem)
def test_every_step_shows_what_the_tape_says(window: Open, tape: Path) -> None:
    """Stepping from the start to the end by the key: step, lane and world are those of the replayed tape."""
    telling = told(run_of(tape))
    watched = window(tape.stem)
    watched.page.keyboard.press("Home")
    assert watched.texts("#step-number") == ["Before the first step"]
    assert watched.page.evaluate(SHOWN)["world"] == _world(telling.start)
    for step in telling.steps:
        watched.page.keyboard.press("ArrowRight")
        shown = watched.page.evaluate(SHOWN)
        assert shown["step"] == _step(step, len(telling.steps))
        assert shown["world"] == _world(step.world)
    assert watched.page.locator("#next").is_disabled()
    assert watched.texts(".story pre") == [tell(run_of(tape))]


@pytest.mark.parametrize("tape", TAPES, ids=lambda p: p.stem)
def test_each_step_stands_in_the_lane_of_its_actor(window: Open, tape: Path) -> None:
    """A lane for each actor; marks are level with their actor's name, from left to right; what broke is marked."""
    run = run_of(tape)
    telling = told(run)
    watched = window(tape.stem)
    lanes = [text for text in watched.texts(".grid .name") if text]
    assert lanes[: len(telling.actors)] == list(telling.actors)
    marks = watched.page.evaluate(MARKS)
    assert [mark["step"] for mark in marks] == [str(step.number) for step in telling.steps]
    assert [mark["lane"] for mark in marks] == [step.who for step in telling.steps]
    assert [mark["x"] for mark in marks] == sorted({mark["x"] for mark in marks})
    broke = watched.page.locator(".mark.broke").evaluate_all("all => all.map((one) => one.dataset.step)")
    assert broke == [str(s.number) for s in telling.steps if s.broke] == [str(run.broken_at)]


def test_the_page_opens_where_it_broke(window: Open) -> None:
    """Heading, banner and the open step name the breakage, and how to replay stands beside them."""
    run = run_of(OCTOBER)
    watched = window(OCTOBER.stem)
    name, how = run.broken.split(": ", 1)
    assert watched.texts("h1") == [f"Broken: {name}"]
    assert watched.texts(".lead") == [how]
    assert watched.texts("#position") == [f"{run.broken_at} of {len(run.lines)}"]
    assert watched.page.locator("#step.broken #broke").is_visible()
    assert run.trace in watched.texts(".facts code")


def test_buttons_keys_slider_lanes_and_links_all_step(window: Open) -> None:
    """Each way of stepping arrives where it says, and the address follows."""
    last = len(run_of(OCTOBER).lines)
    watched = window(OCTOBER.stem)
    page = watched.page

    def at() -> int:
        number = int(watched.texts("#position")[0].split(" of ")[0])
        assert page.locator("#slider").input_value() == str(number)
        return number

    page.keyboard.press("Home")
    assert at() == 0
    assert page.locator("#previous").is_disabled()
    page.get_by_role("button", name="Next").click()
    assert at() == 1
    assert page.url.endswith("#step-1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Previous").click()
    assert at() == 2
    page.keyboard.press("ArrowLeft")
    assert at() == 1
    page.locator('.mark[data-step="9"]').click()
    assert at() == 9
    x, _ = watched.middle('.mark[data-step="12"]')
    _, y = (
        watched.middle(".grid .name.idle") if page.locator(".grid .name.idle").count() else watched.middle(".tick")
    )
    page.mouse.click(x, y)
    assert at() == 12
    x, y = watched.middle("#slider")
    page.mouse.click(x, y)
    assert abs(at() - last / 2) <= 1
    page.locator("#slider").fill("7")
    assert at() == 7
    page.locator("#slider").press("ArrowRight")
    assert at() == 8
    page.get_by_role("button", name="Where it broke").click()
    assert at() == run_of(OCTOBER).broken_at
    page.evaluate("location.hash = '#step-4'")
    page.wait_for_function("document.getElementById('position').textContent.startsWith('4 of')")
    assert at() == 4


@pytest.mark.parametrize(("fragment", "shown"), [("#step-3", 3), ("#step-999", None), ("#nonsense", None)])
def test_a_link_names_a_step(window: Open, fragment: str, shown: int | None) -> None:
    """A link opens its step; one that is beyond the end opens the last, and nonsense the breakage."""
    run = run_of(OCTOBER)
    watched = window(OCTOBER.stem, fragment)
    assert watched.texts("#position") == [f"{shown or run.broken_at} of {len(run.lines)}"]


def test_the_thumb_stands_over_the_column_of_its_step(window: Open) -> None:
    """Where all lanes are seen at once, the slider's thumb is above the mark of its step."""
    watched = window(OCTOBER.stem)
    steps = len(run_of(OCTOBER).lines)
    assert watched.page.locator(".rail.aligned").count() == 1
    slider = watched.box("#slider")
    thumb = 20.0
    for number in (1, steps // 2, steps):
        x, _ = watched.middle(f'.mark[data-step="{number}"]')
        assert abs(slider["x"] + thumb / 2 + number / steps * (slider["width"] - thumb) - x) < 1.5


def test_old_knowledge_is_drawn_from_where_it_was_read(window: Open) -> None:
    """A write on old knowledge has a bar from its read to itself, and a ring on the step that made it old."""
    step = next(s for s in told(run_of(OCTOBER)).steps if s.stale)
    old = step.stale[0]
    watched = window(OCTOBER.stem, f"#step-{step.number}")
    bar = watched.box(".belief")
    read, _ = watched.middle(f'.mark[data-step="{old.read_at}"]')
    wrote, _ = watched.middle(f'.mark[data-step="{step.number}"]')
    assert abs(bar["x"] - read) < 2
    assert abs(bar["x"] + bar["width"] - wrote) < 2
    assert watched.middle(".changer") == pytest.approx(
        watched.middle(f'.mark[data-step="{old.changed_at}"]'), abs=1
    )
    watched.page.get_by_role("button", name=f"see step {old.read_at}").first.click()
    assert watched.texts("#position")[0].startswith(f"{old.read_at} of")
    assert watched.page.locator(".belief").count() == 0


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("name", ["2025-calm", "schedule", "drill"])
def test_a_narrow_window_never_scrolls_sideways(window: Open, name: str, width: int) -> None:
    """Also with everything unfolded, at every step; the buttons are large enough for a finger."""
    watched = window(name, width=width)
    watched.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert watched.overflow_px == 0
    if name != "drill":
        wide = "Array.from({ length: last + 1 }, (_, n) => (show(n), document.documentElement.scrollWidth))"
        assert set(watched.page.evaluate(wide)) == {width}
    for button in watched.page.locator(".scrub button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["2025-calm", "schedule", "drill"])
def test_all_text_can_be_read(window: Open, name: str, scheme: Literal["light", "dark"]) -> None:
    """In light and dark, at the breakage and before, each text has at least the contrast that WCAG AA asks for."""
    watched = window(name, scheme=scheme)
    grounds = {watched.page.evaluate("getComputedStyle(document.body).backgroundColor")}
    assert grounds == {"rgb(17, 20, 24)" if scheme == "dark" else "rgb(247, 246, 243)"}
    for _ in range(6 if name != "drill" else 1):
        ratio, text = watched.poorest_contrast()
        assert ratio >= CONTRAST_MIN, text
        watched.page.keyboard.press("ArrowLeft")


@pytest.mark.parametrize(("name", "where"), [("hostile", ".facts dd"), ("schedule", ".grid .name")])
def test_data_is_never_markup(window: Open, name: str, where: str) -> None:
    """Tags, script ends and the template's own places in the data are shown as they are, and do nothing."""
    watched = window(name)
    assert any(text.startswith(HOSTILE) for text in watched.texts(where))
    assert watched.page.title() != "owned"
    assert watched.page.locator("img").count() == 0


def test_without_scripts_the_story_is_there(window: Open) -> None:
    """Who does not run scripts is told so, and can read the whole story."""
    watched = window(OCTOBER.stem, scripts=False)
    assert watched.page.get_by_text("Stepping through the run needs scripts").is_visible()
    assert not watched.page.locator("#slider").is_visible()
    assert watched.page.locator(".story pre").is_visible()
    assert "=> BROKEN at step" in watched.texts(".story pre")[0]


def test_a_schedule_of_asyncio_code_shows_where_each_task_stands(window: Open) -> None:
    """Each step is the report's; tasks stand where they last waited; the step out of turn says before whom."""
    ended = schedule().evidence
    assert isinstance(ended, Ended)
    assert ended.broken is not None
    watched = window("schedule")
    assert watched.texts("h1") == ["Broken: an exception was raised"]
    assert watched.texts(".lead") == [ended.broken.text.removeprefix("raised: ")]
    watched.page.keyboard.press("Home")
    stand = dict.fromkeys(dict.fromkeys(t.who for t in ended.told if t.place or t.end), "has not run yet")
    for number, step in enumerate(ended.told, 1):
        watched.page.keyboard.press("ArrowRight")
        assert watched.texts("#step-number") == [f"Step {number} of {len(ended.told)}, at {step.time_s:.3f} s"]
        assert watched.texts("#did")[0].endswith(did(step))
        if step.who in stand:
            assert watched.texts("#step-title") == [step.who]
            stand[step.who] = did(step)
        assert watched.texts(".tasks td") == [text for pair in stand.items() for text in pair]
        turn = f"Before {step.instead_of}, whose turn it was with asyncio alone."
        assert watched.texts("#details .old") == ([turn] if step.instead_of else [])
    assert ended.broken.text in watched.texts("#broke")[0]
    assert sum(1 for step in ended.told if step.instead_of) == watched.page.locator(".mark.departed").count() == 1


def test_a_report_on_the_ports_has_a_page_like_any_run(window: Open) -> None:
    """The report of a search of other people's code: its steps, and the command that replays it."""
    run = election().evidence
    assert isinstance(run, Run)
    watched = window("election")
    assert watched.texts("h1") == ["Broken: data never goes back"]
    assert watched.texts(".grid .name.acts") == [run.lines[-1].who]
    assert watched.texts(".mark") == [""] * len(run.lines)
    assert "pytest --lab-replay <it>" in watched.texts(".facts code")
    shown = watched.page.evaluate(SHOWN)
    assert shown["step"] == _step(told(run).steps[-1], len(run.lines))


def test_the_drill_shows_two_timelines(window: Open) -> None:
    """Verdicts first, then act by act both designs side by side, with the answers of the replayed day."""
    day = drill("october-2025")
    old, new = day.timelines
    watched = window("drill")
    assert watched.texts(".verdict .design") == [old.design, new.design]
    assert [t.rstrip(".").lower() for t in watched.texts(".verdict .end")] == [old.end.lower(), new.end.lower()]
    dots = watched.page.locator(".verdict .dots").evaluate_all(
        "all => all.map((one) => [...one.querySelectorAll('a')].map((dot) => dot.className))"
    )
    assert dots == [["out" if s.outage else "up" for s in t.scenes] for t in day.timelines]
    for number, scenes in enumerate(zip(old.scenes, new.scenes, strict=True), 1):
        cards = [f"#act-{number} .card:nth-child({i})" for i in (1, 2)]
        left, right = (watched.box(card) for card in cards)
        assert left["y"] == right["y"]
        assert left["x"] + left["width"] < right["x"]
        for card, scene in zip(cards, scenes, strict=True):
            _card_shows(watched, card, scene)


def _card_shows(watched: Watched, card: str, scene: Any) -> None:
    names = [n for zone in scene.world.zones for n in zone.names]
    assert watched.texts(f"{card} .answers .name") == [n.name for n in names]
    assert watched.texts(f"{card} .address") == [a for n in names for a in n.addresses]
    assert watched.page.locator(f"{card} .empty").count() == len(scene.emptied)
    assert watched.texts(f"{card} .fence .mono") == list(scene.fences)
    assert watched.texts(f"{card} .broke-here") == ([f"It broke here, at {scene.broke}"] if scene.broke else [])
    said = {Sort.REFUSED: "refused", Sort.STALE: "old knowledge"}
    assert watched.texts(f"{card} .tag") == [said[n.sort] for n in scene.notes]
    (steps,) = watched.texts(f"{card} pre")
    assert [int(n) for n in re.findall(r"^ *(\d+)  \S", steps, re.MULTILINE)] == [s.number for s in scene.steps]


def test_the_drill_is_one_column_where_it_is_narrow(window: Open) -> None:
    """On a telephone the designs stand one below the other, each card with its design's name."""
    watched = window("drill", width=390)
    first, second = (watched.box(f"#act-1 .card:nth-child({i})") for i in (1, 2))
    assert first["y"] + first["height"] <= second["y"]
    assert watched.texts("#act-1 .card .design") == ["the design of 2025", "holdfast"]
