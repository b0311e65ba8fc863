"""The pytest plugin of `never`, in sessions of their own."""

from __future__ import annotations

import pytest

pytest_plugins = ("pytester",)
PLUGIN = ("-p", "no:holdfast-never", "-p", "holdfast.assumptions.pytest_plugin", "-p", "no:cacheprovider")

TESTS = """
    import pytest
    from holdfast import never

    def work():
        if never("no owner", zone="a.test"):
            return "a way out"

    def test_goes_on():
        assert work() == "a way out"

    def test_swallows():
        try:
            work()
        except Exception:
            pass

    @pytest.fixture
    def leaves():
        yield
        work()

    def test_at_its_end(leaves):
        pass

    def test_says_so():
        with never.expected("no owner"):
            work()

    def test_clean():
        assert not never("no owner", when=False)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite of five tests, one of which is clean, and one of which expects what it breaks."""
    pytester.makepyfile(TESTS)
    return pytester


def test_a_reached_never_fails_the_test(suite: pytest.Pytester) -> None:
    """In the test and in its fixtures, also when the code went on; the report names reason, place and context."""
    result = suite.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=2, passed=3, errors=1)
    result.stdout.fnmatch_lines(["never: no owner: reached at *.py:* in *:work (time 1, zone='a.test')"])


def test_raise_gives_the_traceback(suite: pytest.Pytester) -> None:
    """`--never=raise` stops in the code; what is swallowed fails all the same."""
    result = suite.runpytest_subprocess(*PLUGIN, "--never=raise")
    result.assert_outcomes(failed=2, passed=3, errors=1)
    result.stdout.fnmatch_lines(["E * holdfast.assumptions.reaching.NeverReached: never: no owner*"])


def test_count_is_as_in_production(suite: pytest.Pytester) -> None:
    """By option or setting; a setting that there isn't is named."""
    suite.runpytest_subprocess(*PLUGIN, "--never=count").assert_outcomes(passed=5)
    suite.makeini("[pytest]\nnever = sometimes\n")
    result = suite.runpytest_subprocess(*PLUGIN)
    result.stderr.fnmatch_lines(["*never = 'sometimes' in *tox.ini: one of fail, raise, count*"])
