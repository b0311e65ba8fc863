"""What the lease service wrote last, for which its signs of life look."""

from __future__ import annotations

from holdfast.leases.footprint import Footprint
from holdfast.ports.store import ABSENT, Compare


def test_a_sign_looks_for_the_last_write_before_the_sign_before() -> None:
    """Nothing at first; then what was newest when the last sign was durable, and not what came since."""
    footprint, marks = Footprint(), []
    for number, key in enumerate(("api/a", "api/b", "api/c")):
        footprint.wrote([key], [], revision=5 + number)
        marks.append(footprint.mark)
        footprint.signed()
    assert marks == [None, Compare("api/a", 5), Compare("api/b", 6)]


def test_what_is_written_again_is_looked_for_as_it_is_now() -> None:
    """The lease of the mark was granted anew, or deleted: by its old revision a good store would seem restored."""
    footprint = Footprint()
    footprint.wrote(["api/a"], [], revision=5)
    footprint.signed()
    footprint.wrote(["api/a"], [], revision=9)
    assert footprint.mark == Compare("api/a", 9)
    footprint.wrote([], ["api/a"], revision=11)
    assert footprint.mark == Compare("api/a", ABSENT)


def test_commits_that_come_back_in_another_order() -> None:
    """The newest is the one of the highest revision, whenever it was heard of."""
    footprint = Footprint()
    footprint.wrote(["api/late"], [], revision=9)
    footprint.wrote(["api/early"], [], revision=7)
    footprint.signed()
    assert footprint.mark == Compare("api/late", 9)


def test_the_owners_document_is_newer_than_all() -> None:
    """Once it was rewritten there is nothing to look for, until something is written and signed again."""
    footprint = Footprint()
    footprint.wrote(["api/a"], [], revision=5)
    footprint.signed()
    footprint.forget()
    footprint.signed()
    assert footprint.mark is None
