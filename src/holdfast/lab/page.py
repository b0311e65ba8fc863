"""One self-contained HTML page of a run or a drill: nothing is fetched, nothing from the data is ever markup.

Data of zones and stores may hold anything, so they reach the page as JSON that the script puts in as text, or
escaped; a content security policy allows exactly the page's own style and script, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import msgspec

from holdfast.lab.drills import Drill, Scene, Timeline
from holdfast.lab.story import tell, tell_step
from holdfast.lab.tape import Run
from holdfast.lab.telling.observed import Name, Served, World
from holdfast.lab.telling.properties import meaning
from holdfast.lab.telling.steps import THE_WORLD, Kind, Told, told

Facts = Iterable[tuple[str, str]]
_PLACE = re.compile(r"@([A-Z]+)@")


def run_page(run: Run, facts: Facts) -> str:
    """A run to step through. `facts` stand in the header: design, bounds, seed, the command that replays it."""
    name, _, how = run.broken.partition(": ")
    heading = f"{name} is broken" if run.broken else "Nothing broke in this run"
    lead = _paragraph(how) + _paragraph(meaning(run.broken), "soft") if run.broken else ""
    return _filled(
        "run",
        {
            "TITLE": html.escape(f"{heading}: a run of the laboratory"),
            "BANNER": "broke" if run.broken else "",
            "HEADING": html.escape(heading),
            "LEAD": lead,
            "FACTS": _facts((*facts, ("Trace", run.trace))),
            "LAST": str(len(run.lines)),
            "STORY": html.escape(tell(run)),
            "DATA": _data(run),
        },
    )


def _data(run: Run) -> str:
    """The run as JSON that can stand in a script element; equal worlds are there once."""
    telling = told(run)
    worlds: dict[World, int] = {telling.start: 0}
    steps: list[dict[str, Any]] = []
    for step in telling.steps:
        fields = msgspec.to_builtins(step)
        fields["world"] = worlds.setdefault(step.world, len(worlds))
        fields["unconditional"] = step.kind is Kind.DELIVERY and not step.conditions and bool(step.changes)
        steps.append(fields)
    found = {
        "actors": telling.actors,
        "outside": THE_WORLD,
        "start": 0,
        "steps": steps,
        "worlds": list(worlds),
    }
    text = msgspec.json.encode(found).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def drill_page(drill: Drill, facts: Facts) -> str:
    """The timelines of a drill, act by act, side by side where there is room."""
    acts = range(len(drill.timelines[0].scenes))
    heads = "".join(f"<strong>{html.escape(t.design)}</strong>" for t in drill.timelines)
    body = [f'<div class="heads two" aria-hidden="true">{heads}</div>', *(_scenes(drill, i) for i in acts)]
    ends = "".join(_end(t) for t in drill.timelines)
    body.append(f'<section class="scene"><h2>How the day ends</h2><div class="two">{ends}</div></section>')
    return _filled(
        "drill",
        {
            "TITLE": html.escape(f"Drill {drill.name}"),
            "HEADING": html.escape(f"Drill {drill.name}"),
            "LEAD": _paragraph("The same day, act by act: what DNS answers after each."),
            "FACTS": _facts(facts),
            "BODY": "\n".join(body),
        },
    )


def _scenes(drill: Drill, at: int) -> str:
    title = html.escape(drill.timelines[0].scenes[at].title)
    cards = "".join(_card(t, t.scenes[at]) for t in drill.timelines)
    return (
        f'<section class="scene"><h2><span class="number">{at + 1}.</span> {title}</h2>'
        f'<div class="two">{cards}</div></section>'
    )


def _card(timeline: Timeline, scene: Scene) -> str:
    names = "".join(_answer(n) for zone in scene.world.zones for n in zone.names)
    fences = "".join(_paragraph(f, "fence mono") for f in scene.fences)
    notes = "".join(_paragraph(n, "note") for n in scene.notes)
    broke = _paragraph(f"It broke here, at {scene.broke}", "broke") if scene.broke else ""
    steps = html.escape("\n".join(tell_step(s, _width(scene.steps)) for s in scene.steps))
    summary = f"<summary>The {len(scene.steps)} steps of this act</summary>"
    return (
        f'<article class="sheet card{" out" if scene.outage else ""}">'
        f'<p class="design">{html.escape(timeline.design)}</p>{fences}<ul class="answers">{names}</ul>'
        f"{notes}{broke}<details>{summary}<pre>{steps}</pre></details></article>"
    )


def _width(steps: tuple[Told, ...]) -> int:
    return max((len(s.who) for s in steps), default=0)


def _answer(name: Name) -> str:
    if name.addresses:
        found = "".join(f'<span class="address mono">{html.escape(a)}</span>' for a in name.addresses)
    elif name.served is Served.EMPTY:
        found = '<span class="empty">NOTHING: no addresses</span>'
    else:
        found = f'<span class="soft">{html.escape(name.served.value)}</span>'
    via = f'<span class="via mono">alias of {html.escape(name.via)}</span>' if name.via else ""
    return f'<li><span class="name mono">{html.escape(name.name)}</span>{found}{via}</li>'


def _end(timeline: Timeline) -> str:
    text = html.escape(timeline.end)
    return (
        f'<article class="sheet card end {"good" if timeline.good else "bad"}">'
        f'<p class="design">{html.escape(timeline.design)}</p>{text[:1].upper()}{text[1:]}.</article>'
    )


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{html.escape(text)}</p>' if text else ""


def _facts(facts: Facts) -> str:
    return "".join(f"<dt>{html.escape(k)}</dt><dd><code>{html.escape(v)}</code></dd>" for k, v in facts if v)


def _filled(kind: str, places: dict[str, str]) -> str:
    """The template with its places filled; in one pass, so that no data can name a place."""
    style = _part("base.css") + _part(f"{kind}.css")
    script = _part(f"{kind}.js") if kind == "run" else ""
    sources = [f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src {_hash(style)}"]
    sources += [f"script-src {_hash(script)}"] if script else []
    found = {**places, "STYLE": style, "SCRIPT": script, "CSP": html.escape("; ".join(sources))}
    return _PLACE.sub(lambda place: found[place[1]], _part(f"{kind}.html"))


def _part(name: str) -> str:
    return files("holdfast.lab").joinpath("pages", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
