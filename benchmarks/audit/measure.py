"""Findings per 1,000 lines by rule and tier on the public corpus, and how long that takes.

    python benchmarks/audit/measure.py tuning|heldout [--to DIRECTORY] [--out FILE] [--jobs N]

`corpus.py` must have fetched it. `--out` keeps all findings as JSON lines, for `sample.py`. Seconds are of the
wall clock, of each project on its own, so starting the processes counts each time.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path

import msgspec

from corpus import DIRECTORY, HALVES, HERE, pinned
from holdfast.audit.engine import audit_files
from holdfast.audit.values import Finding, Report, Tier


class Found(msgspec.Struct):
    """A finding, and the project it is in; `file` is relative to the project."""

    project: str
    finding: Finding


def audit_project(directory: Path, jobs: int) -> tuple[Report, float, float]:
    """Audit one project; the report, and the seconds it took by the wall and of all processors."""
    start, before = time.perf_counter(), _cpu_s()
    report = audit_files([str(directory)], jobs=jobs)
    return report, time.perf_counter() - start, _cpu_s() - before


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table(found: list[Found], lines: int) -> str:
    """Counts by rule and tier, and per 1,000 lines."""
    counts = Counter((f.finding.rule, f.finding.tier) for f in found)
    rows = ["| rule | high | medium | low | per 1,000 lines, high and medium |", "|---|---|---|---|---|"]
    rules = sorted({f.finding.rule for f in found})
    rows.extend(_row(rule, [counts[rule, tier] for tier in Tier], lines) for rule in rules)
    rows.append(_row("all", [sum(n for (_, t), n in counts.items() if t is tier) for tier in Tier], lines))
    return "\n".join(rows)


def _row(name: str, numbers: list[int], lines: int) -> str:
    rate = 1000 * sum(numbers[:2]) / max(lines, 1)
    return f"| {name} | {' | '.join(f'{n:,}' for n in numbers)} | {rate:.3f} |"


def main() -> None:
    """Audit a half and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("--to", type=Path, default=DIRECTORY)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=0)
    given = parser.parse_args()
    found: list[Found] = []
    lines, seconds, cpu_s, unread = 0, 0.0, 0.0, 0
    print("| project | lines | seconds | CPU seconds | high | medium | low |\n|---|---|---|---|---|---|---|")
    for name, version in pinned(HERE / f"corpus-{given.half}.txt"):
        directory = given.to / given.half / name
        report, took, busy = audit_project(directory, given.jobs)
        tiers = Counter(f.tier for f in report.findings)
        cells = " | ".join(str(tiers[tier]) for tier in Tier)
        print(f"| {name} {version} | {report.lines:,} | {took:.1f} | {busy:.1f} | {cells} |", flush=True)
        found += [Found(name, _relative(f, directory)) for f in report.findings]
        lines, seconds, cpu_s = lines + report.lines, seconds + took, cpu_s + busy
        unread += len(report.unread)
    print(f"\n{lines:,} lines in {seconds:.1f} s, {cpu_s:.1f} CPU seconds; {unread} files unread")
    print(f"400,000 lines: {400_000 * cpu_s / lines:.1f} CPU seconds\n")
    print(table(found, lines))
    if given.out:
        given.out.write_bytes(b"".join(msgspec.json.encode(f) + b"\n" for f in found))


def _relative(finding: Finding, directory: Path) -> Finding:
    return msgspec.structs.replace(finding, file=str(Path(finding.file).relative_to(directory)))


if __name__ == "__main__":
    main()
