"""Rise, fall and flaps of one target."""

from __future__ import annotations

from health_values import DOWN, PENDING, UP
from hypothesis import given
from hypothesis import strategies as st

from holdfast.health.rise_fall import NEW, Track, step, window_over


def play(results: str, track: Track = NEW, *, rise: int = 2, fall: int = 3) -> Track:
    """Step through results, `+` is a success."""
    for result in results:
        track = step(track, ok=result == "+", reason=result, rise=rise, fall=fall)
    return track


def test_pending_until_known() -> None:
    """Neither one success nor two failures say anything; mixed results begin the count anew."""
    assert play("+").state is PENDING
    assert play("--").state is PENDING
    assert play("+--+").state is PENDING
    assert play("++").state is UP
    assert play("---").state is DOWN


def test_what_fails_from_the_start_began_to_fail_too() -> None:
    """A prober that has just started marks failures as recent, from the first on, and forgives them as ever."""
    assert play("-").recent
    assert play("---").recent
    assert not play("-+").recent
    assert not play("---++").recent


def test_falls_only_after_consecutive_failures_and_rises_likewise() -> None:
    """A success between failures forgives them; a failure between successes too."""
    assert play("++--+--").state is UP
    assert play("++---").state is DOWN
    assert play("++---+-+").state is DOWN
    assert play("++---++").state is UP


def test_flaps_count_falls_and_the_window_forgets_them() -> None:
    """Recovering is no flap; the end of the window forgets all falls but the one that lasts."""
    assert play("++---++").flaps == 1
    assert play("++---++---++").flaps == 2
    assert window_over(play("++---++---++")).flaps == 0
    assert window_over(play("++---++---")).flaps == 1


@given(st.text("+-", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_states_follow_the_last_run_of_results(results: str, rise: int, fall: int) -> None:
    """`rise` successes at the end always mean UP, `fall` failures DOWN, whatever came before."""
    track = play(results, rise=rise, fall=fall)
    assert play("+" * rise, track, rise=rise, fall=fall).state is UP
    assert play("-" * fall, track, rise=rise, fall=fall).state is DOWN
    assert -fall < track.run < max(rise, fall)


@given(st.text("+-", max_size=20))
def test_a_calm_target_keeps_the_same_object(results: str) -> None:
    """More of the same changes nothing at all: the converged loop blocks with the same state."""
    calm = play("++", play(results))
    calm = step(calm, ok=True, reason="x", rise=2, fall=3)
    assert step(calm, ok=True, reason="y", rise=2, fall=3) is calm
