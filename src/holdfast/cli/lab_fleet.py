"""`lab drill --whole-day` and `lab ablate`: fleets in virtual time, on a bad day and without a protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from holdfast.cli import exits
from holdfast.cli.common import fail, show
from holdfast.cli.lab_parameters import write_page
from holdfast.cli.lab_progress import progress

if TYPE_CHECKING:
    from holdfast.fleet.day.play import Day
    from holdfast.fleet.day.survey import Survey


def whole_day(name: str, design: str | None, draws: int | None, seed: int, out: str | None, form: str) -> None:
    """Play the day for one draw (the middle of every range), and many draws if asked for."""
    try:
        from holdfast.fleet.day.assumed import middle
        from holdfast.fleet.day.play import DESIGNS, play
        from holdfast.fleet.day.scripts import SCRIPTS
        from holdfast.fleet.day.survey import survey
    except ImportError as error:
        _needs_extra(error)
    script = SCRIPTS[name]
    with progress(f"playing {name}") as shown:
        days = []
        for each in DESIGNS if design is None else (design,):
            shown.say(each)
            days.append(play(script, middle(), design=each, seed=seed))
        many = None if draws is None else survey(script, many=draws, seed=seed, on_progress=shown.say)
    command = " ".join(
        [
            f"holdfast lab drill {name} --whole-day --seed {seed}",
            *([] if design is None else [f"--design {design}"]),
            *([] if draws is None else [f"--draws {draws}"]),
        ]
    )
    page = "" if out is None else write_page(out, f"{name}-whole-day", lambda: _day_page(days, many, command))
    document = {
        "drill": name,
        "seed": seed,
        "days": [_document(day) for day in days],
        "survey": None if many is None else _survey_document(many),
        "page": page,
    }
    show(document, form, lambda: _told(days, many) + (f"\n\nIn the browser: {page}" if page else ""))


def _needs_extra(error: ImportError) -> None:
    fail(f"{error}: whole fleets need the extra `fleet`: pip install 'holdfast[fleet]'", exits.USAGE)


def _day_page(days: list[Day], many: Survey | None, command: str) -> str:
    from holdfast.fleet.pages.day import day_page

    return day_page(days, [("Play it again", command)], survey="" if many is None else many.sentences())


def _told(days: list[Day], many: Survey | None) -> str:
    from holdfast.fleet.day.telling import end_of

    parts = ["\n".join([f"== {day.design}", *(f"  {line}" for line in end_of(day))]) for day in days]
    if many is not None:
        parts.append(many.sentences())
    return "\n\n".join(parts)


def _document(day: Day) -> dict[str, object]:
    """What a program may want: the figures, not the curves."""
    from holdfast.fleet.day.shape import kept_by, shape_of
    from holdfast.fleet.day.telling import end_of

    found = kept_by(day) if day.design == "holdfast" else shape_of(day)
    return {
        "design": day.design,
        "assumed": msgspec.to_builtins(day.assumed),
        "held_again_s": day.leases.held_s,
        "closed_form_s": day.leases.ideal_s,
        "cause_over_s": day.leases.back_s,
        "over_s": day.over_s,
        "judged": msgspec.to_builtins(found),
        "told": end_of(day),
    }


def _survey_document(many: Survey) -> dict[str, object]:
    return {
        "draws": len(many.draws),
        "shaped_share": many.shaped_share,
        "kept_share": many.kept_share,
        "each": msgspec.to_builtins(many.draws),
    }


def ablated(size: int, seeds: int, out: str | None, form: str) -> None:
    """All rows in all cells, as a table, and as a page if asked for."""
    from holdfast.fleet.ablation import ablate
    from holdfast.fleet.ablation_table import table

    with progress("ablations") as shown:
        results = ablate(size=size, seeds=seeds, on_progress=shown.say)
    command = f"holdfast lab ablate --size {size} --seeds {seeds}"

    def page() -> str:
        from holdfast.fleet.pages.ablation import ablation_page

        facts = [("Fleets", f"{size} hosts, {seeds} seeds; the shipped rules"), ("Play it again", command)]
        return ablation_page(results, facts)

    where = "" if out is None else write_page(out, "ablation", page)
    document = {"size": size, "seeds": seeds, "results": msgspec.to_builtins(results), "page": where}
    show(document, form, lambda: table(results) + (f"\n\nIn the browser: {where}" if where else ""))
