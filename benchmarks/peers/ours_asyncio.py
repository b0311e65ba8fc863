"""holdfast.lab on the asyncio program."""

from __future__ import annotations

from holdfast import lab
from october import mended_race, race, small_mended_race
from rows import RATE_S, TRIAL_S, found, over_seeds, proved, rate, timed

PEER = "holdfast.lab, asyncio"
ALL = "all, calmest first"


def main() -> None:
    """Sampling over seeds, and all schedules with few departures."""
    reports: list[lab.Report] = []

    def sampled(seed: int) -> tuple[bool, int]:
        reports.append(lab.explore(race, engine="sample", seed=seed, schedules=10**6, seconds=TRIAL_S))
        return bool(reports[-1].broken), reports[-1].outcome.count

    trials = over_seeds(sampled)
    tapes = [r.tape for r in reports if r.tape is not None]
    left = [sum(1 for choice in tape.choices if choice) for tape in tapes]
    same = sum(lab.replay(race, tapes[0]).broken == tapes[0].broken for _ in range(10)) if tapes else 0
    found(
        PEER,
        "sample",
        trials,
        shrinks=f"{min(left)}-{max(left)} departures from asyncio's order",
        replays=f"{same} of 10",
        note="with shrinking, which takes most of the time",
    )
    report = lab.explore(race, engine="exhaustive", schedules=10**6, seconds=TRIAL_S)
    found(PEER, ALL, [timed(lambda: (bool(report.broken), report.outcome.count))], note=_done(report))
    sampling = lambda: _count(lab.explore(mended_race, engine="sample", schedules=10**6, seconds=RATE_S))  # noqa: E731
    rate(PEER, "sample", timed(sampling))
    proofs: list[lab.Report] = []

    def prove() -> tuple[bool, int]:
        proofs.append(lab.prove(small_mended_race, schedules=10**7, seconds=6 * TRIAL_S))
        return _count(proofs[0])

    trial = timed(prove)
    proved(PEER, ALL, done=proofs[0].proved, trial=trial, note=_done(proofs[0]))


def _count(report: lab.Report) -> tuple[bool, int]:
    return bool(report.broken), report.outcome.count


def _done(report: lab.Report) -> str:
    return report.outcome.bounds.split("; ", 1)[-1].rstrip(")")


if __name__ == "__main__":
    main()
