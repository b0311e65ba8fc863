"""`status`, `plan`, `history`: what is, what would change, what was."""

from __future__ import annotations

import sys

import click

from holdfast.cli import exits
from holdfast.cli.common import file_option, format_option, load_file, run, show
from holdfast.service.leases.members import lines as lease_lines
from holdfast.service.preview import Preview
from holdfast.service.views import Status


@click.command()
@file_option
@format_option
def status(file: str | None, form: str) -> None:
    """Who holds what: plan, fences, names as DNS serves them, enactors and their lag, leases, what is held back.

    \b
    Example:
      holdfast status --format json
    """
    loaded = load_file(file)

    async def work() -> Status:
        from holdfast.service.scene import open_scene
        from holdfast.service.views import status as gather

        async with open_scene(loaded, "status") as scene:
            return await gather(scene)

    found = run(work())
    show(found, form, lambda: render_status(found))


def render_status(s: Status) -> str:
    """The status for a terminal."""
    lines = [
        f"scope {s.scope}   mode {s.mode}   store {s.store}",
        f"configuration revision {s.configuration_revision} from {s.origin or 'nowhere yet'}",
        f"newest plan {s.plan or 'none yet'}",
    ]
    for zone in s.zones:
        frozen = f"   FROZEN by {', '.join(zone.freezes)}" if zone.freezes else ""
        behind = ""
        if s.plan is not None and zone.fence is not None and zone.fence != s.plan:
            behind = f"   {s.plan.generation - zone.fence.generation} generations behind"
        lines.append(
            f"zone {zone.zone} ({zone.provider}): fence {zone.fence_text} by {zone.writer}{behind}{frozen}"
        )
        if zone.note:
            lines.append(f"  {zone.note}")
    for name in s.names:
        served = " ".join(name.served) or "NOTHING"
        out = f"   out: {' '.join(name.out)}" if name.out else ""
        tenure = "" if name.tenure == "managed" else f" ({name.tenure})"
        lines.append(f"  {name.name}{tenure}: {served}{out}")
    for enactor in s.enactors:
        lag = (
            "" if s.plan is None or enactor.plan is None else f" lag {s.plan.generation - enactor.plan.generation}"
        )
        states = ", ".join(f"{z.zone} {z.state}" for z in enactor.zones)
        lines.append(f"enactor {enactor.enactor}: plan {enactor.plan}{lag}; {states}")
    lines += [f"prober {o}" for o in s.observers]
    lines += lease_lines(s.leases)
    lines += [f"! {u}" for u in s.unhealthy]
    lines += [f"NOT BELIEVED: {s.foreign}"] if s.foreign else []
    lines += [f"held back: {h}" for h in s.held]
    lines += [f"drained {w.subject} by {w.by}: {w.reason}" for w in s.directives.drained]
    if s.directives.rollback is not None:
        r = s.directives.rollback
        lines.append(f"rollback to generation {r.generation} by {r.by}: {r.reason} (`holdfast resume` ends it)")
    lines += [f"freeze {f.id} of {f.selector} by {f.by}: {f.reason}" for f in s.freezes]
    return "\n".join(lines)


@click.command()
@file_option
@format_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences, 0 when none.")
def plan(file: str | None, form: str, detailed_exitcode: bool) -> None:
    """What the newest plan would still change in DNS: before, after, and why.

    \b
    Example:
      holdfast plan --detailed-exitcode
    """
    loaded = load_file(file)

    async def work() -> Preview:
        from holdfast.service.preview import preview
        from holdfast.service.scene import open_scene

        async with open_scene(loaded, "plan") as scene:
            return await preview(scene)

    found = run(work())
    show(found, form, lambda: render_preview(found))
    if detailed_exitcode and found.changes:
        sys.exit(exits.DIFFERENT)


def render_preview(p: Preview) -> str:
    """The difference for a terminal."""
    if p.plan is None:
        return "there is no plan yet: start `holdfast up FILE`, or a planner"
    lines = [f"plan {p.plan}: {len(p.changes)} names differ from what DNS serves"]
    for change in p.changes:
        lines.append(f"  {change.name}")
        lines.append(f"    before: {' '.join(change.before) or 'nothing'}")
        lines.append(f"    after:  {' '.join(change.after) or 'nothing'}")
    lines += [f"why: {reason}" for reason in p.reasons]
    lines += [f"could not ask: {trouble}" for trouble in p.troubles]
    return "\n".join(lines)


@click.command()
@click.argument("name", required=False)
@click.option("--generation", type=int, help="Only this generation.")
@click.option("--kind", help="Only kinds that begin with this: plan, write, fence, freeze, ...")
@click.option("--most", default=100, show_default=True, help="The newest so many.")
@file_option
@format_option
def history(
    name: str | None, generation: int | None, kind: str | None, most: int, file: str | None, form: str
) -> None:
    """Who planned and applied which generation when, on which inputs; what was refused, with its arithmetic.

    NAME keeps to one name, and to what concerns the whole scope.

    \b
    Example:
      holdfast history api.quickstart.test --kind write
    """
    loaded = load_file(file)
    from holdfast.events.history import Question
    from holdfast.service.looking_back import look_back, render_history

    zones = {e.name: e.zone for e in loaded.configuration.endpoints}
    question = Question(
        name=name or "", zone=zones.get(name or "", ""), generation=generation, kind=kind or "", limit=most
    )
    steps = look_back(loaded.service, question)
    show(steps, form, lambda: render_history(steps))
