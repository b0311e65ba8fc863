"""`holdfast lab` as people and programs meet it: output, files, exit codes, and one clear line for wrong input."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import pytest

from holdfast.cli import lab_mutants
from holdfast.cli.lab_parameters import Budget, BudgetType, files_for
from holdfast.cli.main import main
from holdfast.lab import commands
from holdfast.lab.actor import Actor
from holdfast.lab.campaign_run import Finding
from holdfast.lab.engines.found import Outcome
from holdfast.lab.mutants import Mutant, Standing, Verdict
from holdfast.lab.specimens import october
from holdfast.lab.system import Invariant, Scenario
from holdfast.ports.store import Get

TAPES = Path(__file__).parents[2] / "lab" / "tapes"
TABLE = Path(__file__).parents[2] / "lab" / "mutants" / "mutants.toml"


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


Holdfast: TypeAlias = Callable[..., Said]


@pytest.fixture
def holdfast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Holdfast:
    """Runs `holdfast ...` in an empty directory, by its entry point."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr("sys.argv", ["holdfast", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Said(stop.value.code, out, err)

    return run


def test_a_flawed_design_is_broken_told_and_replayed_by_the_command_that_the_report_names(
    holdfast: Holdfast,
) -> None:
    """Exit 5, bounds and story; the named command runs as it stands and verifies the trace."""
    said = holdfast("lab", "explore", "2025", "--engine", "exhaustive", "--enactors", "2", "--endpoints", "1")
    assert said.code == 5
    assert "BROKEN for 3 plans, 2 enactors, 1 endpoints, 0 faults: I2 never empty" in said.out
    assert "=> BROKEN at step" in said.out
    command = re.search(r"^See it again: holdfast (.+)$", said.out, re.MULTILINE)
    assert command is not None
    again = holdfast(*shlex.split(command[1]))
    assert again.code == 0
    assert "replayed once: BROKEN: I2 never empty" in again.out
    trace = re.search(r"trace ([0-9a-f]{64})", said.out)
    assert trace is not None
    assert trace[1] in again.out


def test_what_was_found_as_json_names_its_files(holdfast: Holdfast) -> None:
    """One document on standard output; tape and page are where it says, also in a directory with a space."""
    said = holdfast("lab", "explore", "group-fences", "--format", "json", "--seed", "3", "--out", "my reports")
    assert said.code == 5
    found = said.json
    assert found["status"] == "broken"
    assert found["broken"].startswith("I1 monotone")
    assert Path(found["tape"]).parent == Path("my reports")
    assert Path(found["page"]).read_text().startswith("<!doctype html>")
    again = holdfast(*shlex.split(found["replay"])[1:], "--times", "3", "--format", "json")
    assert again.json["trace"] == found["trace"]
    assert again.json["times"] == 3


def test_a_proof_states_its_bounds_and_exits_with_0(holdfast: Holdfast) -> None:
    """Never a bare "holds": plans, enactors, names, faults and messages in flight are named."""
    said = holdfast("lab", "explore", "--engine", "exhaustive", "--transfer", "--plans", "2", "--enactors", "1")
    assert said.code == 0
    assert "proved for 2 plans, 1 enactors, 3 names on knot, 0 faults, 0 messages in flight" in said.out


def test_a_budget_that_ends_first_proves_nothing_and_says_so(holdfast: Holdfast) -> None:
    """By count: so many schedules, then an honest sentence."""
    said = holdfast("lab", "explore", "holdfast", "--budget", "64", "--format", "json")
    assert said.code == 0
    assert said.json["status"] == "open"
    assert said.json["count"] == 64
    assert "nothing found for" in said.json["sentence"]
    assert "not proved" in said.json["sentence"]


def test_a_wedge_is_found_told_and_confirmed_by_its_replay(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tape of a wedge ends in a state without a way on; the replay looks again whether that is so."""
    # The empty name would be found before the wedge that follows from it.
    monkeypatch.setattr(october, "never_empty", lambda names: Invariant("I2 never empty", lambda *_: None))
    sizes = ("--plans", "3", "--enactors", "2", "--endpoints", "1")
    said = holdfast("lab", "explore", "2025", *sizes, "--wedge", "--engine", "exhaustive", "--format", "json")
    assert said.code == 5
    assert said.json["broken"].startswith("progress possible: a wedge")
    again = holdfast(*shlex.split(said.json["replay"])[1:])
    assert again.code == 0, again
    assert "a wedge: from here no sequence of steps without faults leads to a converged state" in again.out


def test_an_endless_round_is_found_told_and_confirmed_by_its_replay(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An enactor of 2025 that never stops asking: the tape goes once around, the replay looks again."""
    plain = october.scenario

    async def asking() -> None:
        while True:
            await Get("october/newest")

    def with_one_that_never_rests(**sizes: Any) -> Scenario:
        found = plain(**sizes)
        restless = Actor("restless", "restless", asking, environment=True)
        return msgspec.structs.replace(
            found, actors=(*found.actors, restless), invariants=(), converged=lambda view: True
        )

    monkeypatch.setattr(october, "scenario", with_one_that_never_rests)
    sizes = ("--plans", "2", "--enactors", "1", "--endpoints", "1")
    said = holdfast("lab", "explore", "2025", *sizes, "--settles", "--engine", "exhaustive", "--format", "json")
    assert said.code == 5
    assert said.json["broken"] == "converges when faults stop: restless can go on for ever and never come to rest"
    again = holdfast(*shlex.split(said.json["replay"])[1:])
    assert again.code == 0, again
    assert "restless can go on for ever" in again.out


def test_the_loops_that_ship_settle(holdfast: Holdfast) -> None:
    """Two enactors under two plans: no fair run goes on outside of converged states."""
    sizes = ("--plans", "2", "--enactors", "2", "--transfer")
    said = holdfast("lab", "explore", "holdfast", *sizes, "--engine", "exhaustive", "--wedge", "--settles")
    assert said.code == 0
    assert "proved" in said.out


WRONG = {
    ("explore", "2024"): "no design '2024'; there are 2025, first-fix",
    ("explore", "2025", "--plans", "0"): "--plans is 0; it must be from 1 to 50",
    ("explore", "2025", "--plans", "-1"): "-1 is not in the range x>=0",
    ("explore", "2025", "--enactors", "27"): "--enactors is 27; it must be from 1 to 26",
    ("explore", "2025", "--freeze"): "the design 2025 has no --freeze; it takes --plans",
    ("explore", "2025", "--jobs", "2", "--engine", "dpor"): "only the sampler is shared out over processes",
    ("explore", "group-fences", "--plans", "3"): "the design group-fences has no --plans",
    ("explore", "2025", "--budget", "soon"): "'soon' is no budget: a time like 30s",
    ("explore", "2025", "--budget", "0"): "'0' is no budget",
    ("explore", "2025", "--wedge"): "only the exhaustive, columns and modular engines look for wedges",
    ("explore", "holdfast", "--restarts", "1"): "--restarts are faults, and no fault is allowed",
    ("explore", "2025", "--settles"): "only the exhaustive engine sees whether all settles",
    ("explore", "holdfast", "--disasters"): "say how many with --faults",
    ("explore", "paused-planner", "--engine", "modular"): "has no enactors",
    ("explore", "holdfast", "--engine", "dpor", "--faults", "1"): "does not reduce the fault crash",
    ("explore", "2025", "--engine", "dpor"): "bound the rounds of the loops (--rounds)",
    ("explore", "2025", "--engine", "magic"): "'magic' is not one of",
    ("replay", "none.json"): "'none.json' does not exist",
    ("replay", "."): "is a directory",
    ("drill", "november-2025"): "'november-2025' is not one of 'october-2025'",
    ("drill", "october-2025", "--design", "2024"): "'2024' is not one of",
    ("mutants",): "name the table, as in `holdfast lab mutants TABLE`",
    (
        "mutants",
        str(TABLE),
        "--only",
        "a freeze binds no writers",
    ): "did you mean 'a freeze does not bind writers'?",
    ("nothing",): "No such command 'nothing'",
}  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_input_is_named_in_one_line_and_exits_with_64(
    holdfast: Holdfast, arguments: tuple[str, ...]
) -> None:
    """What was wrong and what would be right; no traceback."""
    said = holdfast("lab", *arguments)
    assert said.code == 64, said
    assert said.out == ""
    assert WRONG[arguments] in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"scenario": "2025", "cho', "not a tape"),
        (b"\xff\xfe", "not a tape"),
        (b'{"scenario": "2024", "options": {}, "choices": []}', "no design '2024'"),
        (b'{"scenario": "2025", "options": {"plans": "many"}, "choices": []}', "not a tape: options"),
        (b'{"scenario": "2025", "options": {"plans": 0}, "choices": []}', "--plans is 0"),
        (b'{"scenario": "2025", "options": {}, "choices": [], "format": 9}', "tape format 9"),
    ],
    ids=["cut off", "binary", "unknown design", "wrong options", "no plans", "newer format"],
)
def test_a_file_that_is_no_tape_exits_with_65(holdfast: Holdfast, content: bytes, reason: str) -> None:
    """The file is named, and what is wrong with it."""
    Path("x.json").write_bytes(content)
    said = holdfast("lab", "replay", "x.json")
    assert said.code == 65
    assert said.err.startswith("holdfast: x.json: ")
    assert reason in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace": "0" * 64}, "the tape says 0000"),
        ({"broken": ""}, "the tape says nothing"),
        ({"broken": "progress possible: a wedge"}, "a way leads on from there"),
        ({"broken": "converges when faults stop: no"}, "today it settles from there"),
        ({"choices": (999,)}, "asks for choice 999"),
    ],
    ids=["trace", "breakage", "wedge", "round", "choice"],
)
def test_a_tape_that_the_code_no_longer_follows_exits_with_2(
    holdfast: Holdfast, change: dict[str, Any], reason: str
) -> None:
    """Trace, breakage, wedge and choices are each held to what the tape says."""
    tape = commands.load_tape(TAPES / "group-fences-shortest.json")
    if "from there" in reason:
        tape = commands.load_tape(TAPES / "first-fix-shortest.json")
        tape = msgspec.structs.replace(tape, choices=tape.choices[:2], trace="")
    commands.save_tape(Path("x.json"), msgspec.structs.replace(tape, **change))
    said = holdfast("lab", "replay", "x.json")
    assert said.code == 2
    assert said.err.startswith("holdfast: x.json does not replay: ")
    assert reason in said.err


@pytest.mark.parametrize("path", sorted(TAPES.glob("*.json")), ids=lambda p: p.stem)
def test_tapes_of_the_corpus_replay_by_the_command(holdfast: Holdfast, path: Path) -> None:
    """Exit 0, and the story ends where it broke."""
    said = holdfast("lab", "replay", str(path), "--out", "pages")
    assert said.code == 0
    assert "=> BROKEN at step" in said.out
    assert len(list(Path("pages").glob("*.html"))) == 1


def test_a_place_that_cannot_be_written_is_named(holdfast: Holdfast) -> None:
    """The tape's directory is a file: exit 1, and what to do."""
    Path("taken").write_text("")
    said = holdfast("lab", "explore", "group-fences", "--out", "taken/x.json")
    assert said.code == 1
    assert said.err.startswith("holdfast: cannot write taken")
    assert said.err.rstrip().endswith("name another place with --out")


def test_ctrl_c_says_how_far_it_came(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 130, with the bounds, what was reached, and that nothing is proved."""

    def interrupted(system: object, order: commands.Order) -> Outcome:
        order.say("128 schedules")
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.ENGINES, commands.Engine.SAMPLE, interrupted)
    said = holdfast("lab", "explore", "2025", "--seed", "4")
    assert said.code == 130
    assert "and 128 schedules: nothing found so far, and nothing proved, for 3 plans, 3 enactors" in said.err
    assert said.err.rstrip().endswith("seed 4")


def test_the_drill_shows_the_empty_name_beside_the_non_event(holdfast: Holdfast) -> None:
    """Both designs side by side when the terminal is wide, one below the other when it is not; also as JSON."""
    both = holdfast("lab", "drill", "october-2025", "--format", "json").json
    old, new = both["timelines"]
    assert [act["outage"] for act in old["acts"]] == [False, False, False, True, True]
    assert not any(act["outage"] for act in new["acts"])
    assert (old["converged"], new["converged"]) == (False, True)
    assert "writes on old knowledge" in old["acts"][2]["notes"][0]
    assert "write is refused" in new["acts"][2]["notes"][0]


def test_the_readme_shows_what_the_drill_prints(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of the README's drill is printed, in this order; "..." stands for lines left out."""
    monkeypatch.setenv("COLUMNS", "80")
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    block = next(b for b in readme.split("```") if "holdfast lab drill" in b)
    shown = [line for line in block.splitlines()[2:] if line and line != "..."]
    assert len(shown) > 12
    printed = iter(holdfast("lab", "drill", "october-2025").out.splitlines())
    for line in shown:
        assert line in printed, line


def test_the_drill_fits_the_terminal(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two columns at 120 characters, one below the other at 80."""
    monkeypatch.setenv("COLUMNS", "120")
    wide = holdfast("lab", "drill", "october-2025").out
    assert "ep2.region.test: NOTHING" in wide
    assert " | holdfast" in wide
    assert max(map(len, wide.splitlines())) <= 120
    monkeypatch.setenv("COLUMNS", "80")
    narrow = holdfast("lab", "drill", "october-2025").out
    assert " | " not in narrow
    assert "=> a non-event" in narrow


def test_the_drill_on_one_design_with_every_step(holdfast: Holdfast) -> None:
    """The design that was asked for, and no other; the page holds it too."""
    said = holdfast("lab", "drill", "october-2025", "--design", "2025", "--steps", "--out", "day.html")
    assert said.code == 0
    assert "== holdfast" not in said.out
    assert "=> BROKEN at step 23, by enactor-b: I2 never empty" in said.out
    assert "NOTHING: no addresses" in Path("day.html").read_text()


FOUND = Finding("a scene", "I1 monotone: it went back", 0.4)


def _verdict(mutant: Mutant, by: str) -> Verdict:
    return Verdict(mutant, by, "", 0.5, FOUND if by else None)


def test_mutants_are_judged_with_progress_and_a_table(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each as it ends, the table in the order of the file; a survivor is exit 5, with its reason."""
    names = ["a message does not pin the fence", "a freeze does not bind writers"]
    mutants = {m.name: m for m in lab_mutants._chosen(TABLE, tuple(names))}

    def judged(chosen: list[Mutant], root: Path | None, *, jobs: int) -> list[Verdict]:
        assert root == TABLE.parents[3]
        assert jobs == 2
        return [_verdict(mutants[names[1]], ""), _verdict(mutants[names[0]], "campaign")]

    monkeypatch.setattr("holdfast.lab.mutants.judge_all", judged)
    monkeypatch.setattr("holdfast.lab.mutants.untouched", lambda chosen, whole: None)
    options = ("--only", names[0], "--only", names[1], "--jobs", "2")
    said = holdfast("lab", "mutants", str(TABLE), *options)
    assert said.code == 5
    assert "[1/2] " in said.err
    assert "SURVIVED in 0.5 s: a freeze does not bind writers" in said.err
    assert "I1 monotone, in 'a scene'" in said.out
    assert "1 of 2 killed (50 %)" in said.out
    found = holdfast("lab", "mutants", str(TABLE), *options, "--format", "json").json
    assert [m["killed"] for m in found["mutants"] if m["name"] == names[0]] == [True]
    assert found["killed"] == 1
    assert {m["property"] for m in found["mutants"]} == {"I1 monotone", ""}


def test_a_check_that_breaks_without_any_mutant_kills_none(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code as it is comes first: what breaks there says nothing about mutants."""
    monkeypatch.setattr("holdfast.lab.mutants.untouched", lambda chosen, whole: FOUND)
    said = holdfast("lab", "mutants", str(TABLE), "--only", "a message does not pin the fence")
    assert said.code == 5
    assert "the code as it is breaks 'a scene', so that kills no mutant: I1 monotone: it went back" in said.err


def test_the_matrix_says_for_each_property_which_mutant_only_it_notices(
    holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutants that name a property, and no others; one that another property notices too is exit 5."""
    others = {"I1 monotone": None, "I9 inputs monotone": Finding("a scene", "I4 velocity: too much", 1.0)}

    def stand(mutant: Mutant) -> Standing:
        alone = Finding(mutant.check, f"{mutant.only}: broken", 0.7)
        return Standing(mutant, alone, others.get(mutant.only), 12.0)

    monkeypatch.setattr("holdfast.lab.mutants.standing", stand)
    monkeypatch.setattr("holdfast.lab.mutants.untouched", lambda chosen, whole: None if whole else FOUND)
    said = holdfast("lab", "mutants", str(TABLE), "--matrix")
    assert said.code == 5
    assert len(said.out.splitlines()) == 8
    assert said.out.count("survives all others") == 7
    assert "also noticed: I4 velocity: too much" in said.out
    found = holdfast("lab", "mutants", str(TABLE), "--matrix", "--format", "json").json
    assert [p["property"] for p in found["properties"] if not p["holds"]] == ["I9 inputs monotone"]


def test_one_mutant_is_really_judged(holdfast: Holdfast) -> None:
    """Patched, searched and killed through the command."""
    said = holdfast("lab", "mutants", str(TABLE), "--only", "a message does not pin the fence")
    assert said.code == 0, said
    assert "1 of 1 killed (100 %)" in said.out


def test_a_table_that_is_none_and_a_patch_that_fits_nowhere_exit_with_65(holdfast: Holdfast) -> None:
    """Both are named in one line."""
    Path("broken.toml").write_text("[[mutant\n")
    said = holdfast("lab", "mutants", "broken.toml")
    assert said.code == 65
    assert "broken.toml is no table of mutants" in said.err
    edit = 'edits = [{file = "model/fence.py", old = "nowhere in it", new = ""}]'
    Path("unfit.toml").write_text(f'[[mutant]]\nname = "unfit"\nrule = "R0"\n{edit}\n')
    said = holdfast("lab", "mutants", "unfit.toml")
    assert said.code == 65
    assert "occurs 0 times, not once" in said.err


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("30s", Budget(seconds=30)),
        ("2m", Budget(seconds=120)),
        ("1.5h", Budget(seconds=5400)),
        ("250ms", Budget(seconds=0.25)),
        ("5000", Budget(seconds=7 * 86_400, count=5000)),
        ("10_000", Budget(seconds=7 * 86_400, count=10_000)),
    ],
)
def test_budgets(text: str, budget: Budget) -> None:
    """A time ends a search by the clock, a count by the count alone."""
    assert BudgetType().convert(text, None, None) == budget


def test_where_files_go() -> None:
    """A directory, or either file; the other one lies beside it."""
    assert files_for(None, "x") == (Path(".holdfast/lab/x.json"), Path(".holdfast/lab/x.html"))
    assert files_for("there", "x") == (Path("there/x.json"), Path("there/x.html"))
    assert files_for("a.html", "x") == files_for("a.json", "x") == (Path("a.json"), Path("a.html"))


def test_the_help_lists_designs_with_what_they_take(holdfast: Holdfast) -> None:
    """So that nobody has to read the source to know what can be searched."""
    text = holdfast("lab", "explore", "--help").out
    for design in commands.DESIGNS.values():
        assert design.name in text
    assert "--in-flight" in text
