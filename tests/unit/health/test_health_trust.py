"""A prober's distrust of itself."""

from __future__ import annotations

from health_values import DOWN, UP

from holdfast.health.rise_fall import Track
from holdfast.health.trust import LATE_WINDOW, PUNCTUAL, count_probe, distrust

WELL, FELL, DEAD = Track(UP), Track(DOWN, recent=True), Track(DOWN)


def test_many_failing_together_are_not_believed() -> None:
    """More than the share, and at least three: with the figures in the reason."""
    assert distrust([WELL] * 7 + [FELL] * 3, PUNCTUAL, distrust_share=0.2).startswith("3 of 10 targets began")
    assert distrust([WELL] * 8 + [FELL] * 2, PUNCTUAL, distrust_share=0.1) == ""
    assert distrust([WELL] * 17 + [FELL] * 3, PUNCTUAL, distrust_share=0.2) == ""


def test_long_dead_targets_are_no_reason_for_distrust_unless_most_are() -> None:
    """What failed earlier counts for itself; more than half is never believed."""
    assert distrust([WELL] * 6 + [DEAD] * 4, PUNCTUAL, distrust_share=0.2) == ""
    assert distrust([WELL] * 4 + [DEAD] * 6, PUNCTUAL, distrust_share=0.2).startswith("6 of 10 targets fail")


def test_a_prober_that_starts_doubts_itself_as_well() -> None:
    """Failures count from the first on, before anything is known of the targets: at a start, too, much that fails
    together is rather the prober (finding 12 of lab-findings.md)."""
    failing, unknown = Track(run=-1, recent=True), Track()
    assert distrust([unknown] * 7 + [failing] * 3, PUNCTUAL, distrust_share=0.2).startswith(
        "3 of 10 targets began"
    )
    assert distrust([unknown] * 4 + [failing] * 6, PUNCTUAL, distrust_share=1.0).startswith("6 of 10 targets fail")
    assert distrust([unknown] * 10, PUNCTUAL, distrust_share=0.2) == ""


def test_lateness_needs_a_share_of_a_window_and_passes() -> None:
    """A few late probes are nothing, many are a reason, and a punctual window ends it."""
    assert count_probe(PUNCTUAL, late=False) is PUNCTUAL
    lateness = PUNCTUAL
    for i in range(LATE_WINDOW):
        lateness = count_probe(lateness, late=i % 2 == 0)
    assert distrust([WELL], lateness, distrust_share=0.2).startswith("25 of its last 50 probes started")
    for _ in range(LATE_WINDOW):
        lateness = count_probe(lateness, late=False)
    assert lateness == PUNCTUAL
