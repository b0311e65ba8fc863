"""The page of a drill: the same day on two designs, act by act, side by side where there is room."""

from __future__ import annotations

import html

from holdfast.lab.drills import Drill, Note, Scene, Sort, Timeline, served
from holdfast.lab.story import tell_step
from holdfast.lab.telling.observed import Name, Served, World
from holdfast.webpage.filling import Facts, facts_list, filled, paragraph

_SAID = {Sort.REFUSED: "refused", Sort.STALE: "old knowledge"}


def drill_page(drill: Drill, facts: Facts) -> str:
    """The timelines of a drill."""
    acts = range(len(drill.timelines[0].scenes))
    return filled(
        __package__,
        "drill",
        {
            "TITLE": html.escape(f"{drill.title}: a drill of the laboratory"),
            "HEADING": html.escape(drill.title),
            "LEAD": html.escape(drill.lead),
            "FACTS": facts_list(facts),
            "VERDICTS": "".join(_verdict(t) for t in drill.timelines),
            "BODY": "\n".join(_act(drill, i) for i in acts),
        },
        styles=("drill",),
    )


def _verdict(timeline: Timeline) -> str:
    """How the day goes on one design, before any detail: an act's dot is red if a name answers with nothing."""
    dots = "".join(_dot(i, scene) for i, scene in enumerate(timeline.scenes, 1))
    text = html.escape(timeline.end)
    return (
        f'<article class="sheet verdict {"good" if timeline.good else "bad"}">'
        f'<p class="design">{html.escape(timeline.design)}</p><ol class="dots">{dots}</ol>'
        f'{paragraph(_served(timeline), "served")}<p class="end">{text[:1].upper()}{text[1:]}.</p></article>'
    )


def _served(timeline: Timeline) -> str:
    """The names that answered with nothing, and when."""
    acts: dict[str, list[str]] = {}
    for number, scene in enumerate(timeline.scenes, 1):
        for name in scene.emptied:
            acts.setdefault(name, []).append(str(number))
    found = [
        f"{name} answers with nothing after act{'s' * (len(at) > 1)} {' and '.join(at)}"
        for name, at in acts.items()
    ]
    return f"{'; '.join(found) or 'Every name answers after every act'}."


def _dot(number: int, scene: Scene) -> str:
    kind, said = ("out", "a name answers with nothing") if scene.outage else ("up", "every name answers")
    return f'<li><a class="{kind}" href="#act-{number}" title="Act {number}: {said}">{number}</a></li>'


def _act(drill: Drill, at: int) -> str:
    title = html.escape(drill.timelines[0].scenes[at].title)
    cards = "".join(_card(t, at) for t in drill.timelines)
    return (
        f'<section class="act" id="act-{at + 1}"><h2><span class="number">{at + 1}</span>'
        f'<span>{title[:1].upper()}{title[1:]}</span></h2><div class="two">{cards}</div></section>'
    )


def _card(timeline: Timeline, at: int) -> str:
    scene = timeline.scenes[at]
    before = timeline.scenes[at - 1].world if at else None
    broke = paragraph(f"It broke here, at {scene.broke}", "broke-here") if scene.broke else ""
    notes = "".join(map(_note, scene.notes)) + _quiet(scene, before)
    steps = html.escape("\n".join(tell_step(s, max(len(t.who) for t in scene.steps)) for s in scene.steps))
    summary = f"<summary>The {len(scene.steps)} steps of this act</summary>"
    return (
        f'<article class="sheet card{" out" if scene.outage else ""}">'
        f'<p class="design">{html.escape(timeline.design)}</p>{_answers(scene.world, before)}{broke}'
        f"{notes}<details>{summary}<pre>{steps}</pre></details></article>"
    )


def _note(note: Note) -> str:
    said = html.escape(f"{note.who}: {note.why}" if note.why else note.who)
    return f'<p class="note {note.sort.value}"><span class="tag">{_SAID[note.sort]}</span> <span>{said}</span></p>'


def _quiet(scene: Scene, before: World | None) -> str:
    """Said where nothing happened that a client or an operator could see: that is what the day is to be."""
    if before is None or scene.broke or scene.notes or scene.serves != served(before):
        return ""
    return paragraph("Nothing changes for clients.", "quiet")


def _answers(world: World, before: World | None) -> str:
    """What clients get, and the fences; what an act changed, with what it was."""
    old = {} if before is None else {n.name: n for zone in before.zones for n in zone.names}
    names = "".join(_answer(n, old.get(n.name)) for zone in world.zones for n in zone.names)
    fences = ["" if before is None else zone.fence for zone in (before or world).zones]
    lines = [_fence(zone.fence, was) for zone, was in zip(world.zones, fences, strict=True) if zone.fence]
    return f'<ul class="answers">{names}</ul>{"".join(lines)}'


def _answer(name: Name, old: Name | None) -> str:
    if name.addresses:
        found = "".join(f'<span class="address mono">{html.escape(a)}</span>' for a in name.addresses)
    elif name.served is Served.EMPTY:
        found = '<span class="empty">NOTHING: no addresses</span>'
    else:
        found = f'<span class="soft">{html.escape(name.served.value)}</span>'
    was = ""
    if old is not None and old.addresses != name.addresses:
        was = f'<span class="was">was {html.escape(" ".join(old.addresses) or "nothing")}</span>'
    via = f'<span class="via mono">alias of {html.escape(name.via)}</span>' if name.via else ""
    return f'<li><span class="name mono">{html.escape(name.name)}</span><span>{found}{was}{via}</span></li>'


def _fence(fence: str, was: str) -> str:
    moved = '<span class="was">moved in this act</span>' if was and was != fence else ""
    return f'<p class="fence"><span class="mono">{html.escape(fence)}</span>{moved}</p>'
