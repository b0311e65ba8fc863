"""A random sample of findings for labelling, blind to the tier.

    python benchmarks/audit/sample.py FINDINGS --seed N --source DIRECTORY --reading FILE

`FINDINGS` is what `measure.py heldout --out` wrote. Draws per tier (QUOTA), at most PER_PROJECT of a tier from one
project so that no project decides the figure, shuffles, and writes `sample.jsonl` (what labels refer to: no tier,
no evidence), `sample-key.jsonl` (the tiers) and, outside of the repository, FILE with the source around each, to
read.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import msgspec

from corpus import HERE
from holdfast.audit.values import Tier
from measure import Found

QUOTA = {Tier.HIGH: 40, Tier.MEDIUM: 25, Tier.LOW: 15}
PER_PROJECT = 5
CONTEXT = 12
"""Lines shown before and after."""
LONGEST = 120
"""Lines of one function that are shown."""


class Row(msgspec.Struct):
    """One sampled finding as a labeller sees it. Lines count from 1."""

    id: str
    project: str
    file: str
    function: str
    rule: str
    path: str
    check_line: int
    check: str
    gap_line: int
    gap: str
    act_line: int
    act: str


class Key(msgspec.Struct):
    """What the labeller does not see."""

    id: str
    tier: Tier
    fingerprint: str
    of: int
    """Findings of this tier that the sample was drawn from."""


def draw(found: list[Found], seed: int) -> list[Found]:
    """Per tier its quota, at most PER_PROJECT of one project, in an order that says nothing."""
    chance = random.Random(seed)
    drawn: list[Found] = []
    for tier, quota in QUOTA.items():
        pool = sorted(
            (f for f in found if f.finding.tier is tier), key=lambda f: (f.project, f.finding.fingerprint)
        )
        chance.shuffle(pool)
        taken: dict[str, int] = {}
        for one in pool:
            if len(drawn) and sum(d.finding.tier is tier for d in drawn) == quota:
                break
            if taken.get(one.project, 0) < PER_PROJECT:
                taken[one.project] = taken.get(one.project, 0) + 1
                drawn.append(one)
    chance.shuffle(drawn)
    return drawn


def row(number: int, found: Found) -> Row:
    """What is shown of a finding."""
    f = found.finding
    gap = f.gap or f.act
    return Row(
        id=f"S{number:03}",
        project=found.project,
        file=f.file,
        function=f.function,
        rule=f.rule,
        path=f.path,
        check_line=f.check.line,
        check=f.check.text,
        gap_line=gap.line,
        gap=gap.text,
        act_line=f.act.line,
        act=f.act.text,
    )


def excerpt(row: Row, source: Path) -> str:
    """The source around a finding, with marks at the lines it names."""
    lines = (source / row.project / row.file).read_text(encoding="utf-8", errors="replace").splitlines()
    named = {row.check_line: "check", row.gap_line: "gap", row.act_line: "act"}
    first = max(1, min(named) - CONTEXT)
    last = min(len(lines), max(named) + CONTEXT, first + LONGEST)
    shown = [f"{named.get(n, ''):5} {n:5} {lines[n - 1][:160]}" for n in range(first, last + 1)]
    title = f"## {row.id}: {row.rule} on `{row.path}` in {row.function}, {row.project}/{row.file}"
    return "\n".join([title, "```", *shown, "```", ""])


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("findings", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--source", type=Path, required=True, help="where the projects lie")
    parser.add_argument("--reading", type=Path, required=True, help="the file to read, outside of the repository")
    given = parser.parse_args()
    found = [msgspec.json.decode(line, type=Found) for line in given.findings.read_bytes().splitlines()]
    drawn = draw(found, given.seed)
    rows = [row(number, one) for number, one in enumerate(drawn, start=1)]
    sizes = {tier: sum(f.finding.tier is tier for f in found) for tier in Tier}
    keys = [
        Key(r.id, one.finding.tier, one.finding.fingerprint, sizes[one.finding.tier])
        for r, one in zip(rows, drawn, strict=True)
    ]
    (HERE / "sample.jsonl").write_bytes(b"".join(msgspec.json.encode(r) + b"\n" for r in rows))
    (HERE / "sample-key.jsonl").write_bytes(b"".join(msgspec.json.encode(k) + b"\n" for k in keys))
    given.reading.write_text("\n".join(excerpt(r, given.source) for r in rows), encoding="utf-8")
    print(f"{len(rows)} of {len(found):,} findings, from {len({r.project for r in rows})} projects")


if __name__ == "__main__":
    main()
