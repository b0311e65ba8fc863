"""Names stay on healthy endpoints through a storm of kill -9 and SIGSTOP: real processes, BIND, DNS as witness."""

from __future__ import annotations

from pathlib import Path

import pytest
from storm import Report, Storm
from storm_file import DETECTION_S
from storm_findings import percentile
from storm_schedule import FAULTS, Kind

from servers.process import Missing
from visible import missing

P99_S = DETECTION_S + 5.0


@pytest.mark.real
@pytest.mark.soak  # the sample of `make test` is the short storm over three zones
@pytest.mark.xdist_group("storm")
def test_a_minute_of_storm(tmp_path: Path) -> None:
    """A minute of faults: no empty answer, the generation never steps back, and in the end DNS agrees."""
    report = storm(tmp_path, seed=2, seconds=40.0, fault_every_s=1.6, settle_s=28.0)
    assert sum(report.faults.get(kind.value, 0) for kind in FAULTS) >= 15


@pytest.mark.soak
@pytest.mark.real
def test_ten_minutes_of_storm(tmp_path: Path) -> None:
    """Ten minutes, 200 faults and more; p99 of convergence is at most the detection time and five seconds."""
    report = storm(tmp_path, seed=1, seconds=600.0, fault_every_s=2.2, settle_s=40.0)
    assert sum(report.faults.get(kind.value, 0) for kind in FAULTS) >= 200
    p99_s = percentile([m.since_release_s for m in report.convergence.measured], 0.99)
    assert p99_s <= P99_S, f"p99 {p99_s:.2f} s above {P99_S:g} s"


def storm(directory: Path, *, seed: int, seconds: float, fault_every_s: float, settle_s: float) -> Report:
    """Run one, print its report, and check what holds for every storm."""
    try:
        running = Storm(directory, seed=seed)
    except Missing as absent:
        missing(str(absent))
    with running:
        report = running.run(seconds=seconds, fault_every_s=fault_every_s, settle_s=settle_s)
        text = describe(report)
        print(text)
        tails = running.tails()
    assert not report.breaches, f"{text}\n{tails}"
    assert not report.unsettled, f"{text}\n{tails}"
    assert not report.crashes, f"{text}\n{tails}"
    assert not report.ended, f"{text}\n{tails}"
    assert report.rate >= 20, text
    assert report.faults.get(Kind.FREEZE.value), text
    assert report.convergence.measured, text
    return report


def describe(report: Report) -> str:
    """The figures, for people."""
    found = report.convergence
    raw = [m.raw_s for m in found.measured]
    clean = [m.since_release_s for m in found.measured]
    held = sum(bool(m.held) for m in found.measured)
    slow = sorted(found.measured, key=lambda m: m.since_release_s, reverse=True)[:8]
    lines = [
        f"\nstorm, seed {report.seed}: {report.seconds:.0f} s, {report.generations} generations,"
        f" {report.queries} queries ({report.rate:.1f}/s a name, {report.unanswered} unanswered)",
        "faults: " + ", ".join(f"{count} x {kind}" for kind, count in report.faults.items()),
        f"changes: {len(found.measured)} converged ({held} held by a limit), {found.superseded} superseded,"
        f" {len(found.never)} never; all whole: {report.settle_s:.1f} s",
        f"since release: p50 {percentile(clean, 0.5):.2f} s, p99 {percentile(clean, 0.99):.2f} s,"
        f" most {max(clean, default=0):.2f} s (bound {P99_S:g} s)",
        f"since change:  p50 {percentile(raw, 0.5):.2f} s, p99 {percentile(raw, 0.99):.2f} s,"
        f" most {max(raw, default=0):.2f} s",
        *(
            f"  {m.since_release_s:.2f} s ({m.raw_s:.2f} s) {m.change.name} {m.change.backend}"
            f" {'in' if m.change.present else 'out'} at {m.change.at_s:.3f}: {m.change.cause} {list(m.held)}"
            for m in slow
        ),
        *(f"  never: {c}" for c in found.never),
        *(f"  BREACH {b}" for b in report.breaches),
        *(f"  UNSETTLED {u}" for u in report.unsettled),
        *(f"  CRASH {c}" for c in report.crashes),
        *(f"  ENDED {e}" for e in report.ended),
    ]
    return "\n".join(lines)
