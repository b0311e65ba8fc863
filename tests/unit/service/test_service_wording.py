"""Words of people become directives, or are refused with a reason that says what to do."""

from __future__ import annotations

import msgspec
import pytest

from holdfast.documents.words import Refusal
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Mode,
    TargetConfig,
)
from holdfast.model.directives import Directives, RollbackWord, Word
from holdfast.service import wording


def group(name: str, *targets: tuple[str, str]) -> GroupConfig:
    """A group of (target, address)."""
    return GroupConfig(
        name=name,
        targets=tuple(TargetConfig(name=t, a=a, aaaa=None, port=80, label="z") for t, a in targets),
        check=Check(),
    )


CONFIGURATION = Configuration(
    scope="shop",
    mode=Mode.ENFORCE,
    zones=(),
    groups=(
        group("api", ("left-1", "10.0.0.1"), ("left-2", "10.0.0.2")),
        group("web", ("left-1", "10.0.0.1"), ("right-1", "10.0.0.3")),
    ),
    endpoints=(EndpointConfig(name="api.example.test", zone="example.test", group="api", ttl=30),),
    probers=(),
    allowed_prefixes=(),
)
NOTHING = Directives()


def said(result: Directives | Refusal) -> Directives:
    """The directives of a word that was taken."""
    assert isinstance(result, Directives), result
    return result


def refused(result: Directives | Refusal) -> str:
    """The text of a refusal."""
    assert isinstance(result, Refusal), result
    return result.text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("api/left-2", "api/left-2"),
        ("left-2", "api/left-2"),
        ("10.0.0.2", "api/left-2"),
        ("web/left-1", "web/left-1"),
    ],
)
def test_a_target_is_found_by_key_name_or_address(text: str, key: str) -> None:
    """A key names one always; a name or an address does while only one target has it."""
    assert wording.find_target(CONFIGURATION, text) == key


@pytest.mark.parametrize("text", ["left-1", "10.0.0.1"])
def test_an_ambiguous_target_is_refused_with_the_choice(text: str) -> None:
    """Two groups have it: both keys are named, nothing is guessed."""
    assert refused(wording.drain(CONFIGURATION, NOTHING, text, "ann", "x")) == (
        f"{text} could be api/left-1, web/left-1: say which"
    )


def test_an_unknown_target_is_refused_with_the_nearest() -> None:
    """A typing error names the key that was probably meant; what is like nothing gets no guess."""
    text = refused(wording.drain(CONFIGURATION, NOTHING, "api/lefft-2", "ann", "x"))
    assert text == "there is no target api/lefft-2; did you mean api/left-2?"
    assert refused(wording.drain(CONFIGURATION, NOTHING, "zzzzzz", "ann", "x")) == "there is no target zzzzzz"


def test_a_drain_records_who_and_why_once() -> None:
    """The same target drained again keeps one word, the last; others stay, sorted."""
    once = said(wording.drain(CONFIGURATION, NOTHING, "right-1", "ann", "disk"))
    twice = said(wording.drain(CONFIGURATION, once, "web/right-1", "bob", "kernel"))
    both = said(wording.drain(CONFIGURATION, twice, "left-2", "ann", "move"))
    assert both.drained == (Word("api/left-2", "ann", "move"), Word("web/right-1", "bob", "kernel"))


def test_undrain_takes_back_that_one_only() -> None:
    """By address too, although it was drained by name."""
    words = said(wording.drain(CONFIGURATION, NOTHING, "left-2", "ann", "x"))
    words = said(wording.drain(CONFIGURATION, words, "right-1", "ann", "y"))
    assert said(wording.undrain(CONFIGURATION, words, "10.0.0.2")).drained == (Word("web/right-1", "ann", "y"),)


def test_undrain_of_a_target_that_left_the_file() -> None:
    """A drained target that the configuration no longer has can still be undrained, by its key."""
    words = Directives(drained=(Word("old/gone", "ann", "x"),))
    assert said(wording.undrain(CONFIGURATION, words, "old/gone")).drained == ()


def test_undrain_of_what_is_not_drained_is_refused_with_what_is() -> None:
    """The refusal lists the drains in force."""
    words = Directives(drained=(Word("web/right-1", "ann", "x"),))
    assert refused(wording.undrain(CONFIGURATION, words, "left-2")) == (
        "api/left-2 is not drained; drained: web/right-1"
    )
    assert (
        refused(wording.undrain(CONFIGURATION, NOTHING, "left-2")) == "api/left-2 is not drained; drained: nothing"
    )


def test_rollback_holds_until_resume() -> None:
    """R13: a generation is held with who and why; a second rollback replaces the first; resume ends it."""
    held = said(wording.rollback(NOTHING, 41, "ann", "42 was wrong"))
    assert held.rollback == RollbackWord(41, "ann", "42 was wrong")
    again = said(wording.rollback(held, 40, "bob", "41 too"))
    assert again.rollback == RollbackWord(40, "bob", "41 too")
    assert said(wording.resume(again)) == NOTHING


def test_impossible_rollback_and_resume_are_refused() -> None:
    """No generation below 1; nothing to resume."""
    assert "there is no generation 0" in refused(wording.rollback(NOTHING, 0, "ann", "x"))
    assert refused(wording.resume(NOTHING)) == "no rollback is in force: there is nothing to resume"


@pytest.mark.parametrize("spelled", ["api.example.test", "API.Example.test."])
def test_a_configured_name_is_neither_retired_nor_released(spelled: str) -> None:
    """It must be gone from the file first, however it is spelled."""
    for word, speak in (("retire", wording.retire), ("release", wording.release)):
        text = refused(speak(CONFIGURATION, NOTHING, spelled, "ann", "x"))
        assert (
            text
            == f"api.example.test is still in the configuration: take its [[endpoint]] out, apply, then {word} it"
        )


def test_the_last_of_retire_and_release_counts() -> None:
    """A name is under one of the two words at most, in lower case without the dot at its end."""
    retired = said(wording.retire(CONFIGURATION, NOTHING, "Old.example.test.", "ann", "x"))
    assert retired.retired == (Word("old.example.test", "ann", "x"),)
    released = said(wording.release(CONFIGURATION, retired, "old.example.test", "ann", "y"))
    assert (released.retired, released.released) == ((), (Word("old.example.test", "ann", "y"),))
    back = said(wording.retire(CONFIGURATION, released, "old.example.test", "ann", "z"))
    assert (back.retired, back.released) == ((Word("old.example.test", "ann", "z"),), ())


def test_words_leave_the_other_words_alone() -> None:
    """Each word changes its own part of the directives and not the revision, which the store's change sets."""
    full = Directives(
        revision=7,
        drained=(Word("web/right-1", "ann", "x"),),
        retired=(Word("a.example.test", "ann", "x"),),
        released=(Word("b.example.test", "ann", "x"),),
        rollback=RollbackWord(3, "ann", "x"),
    )
    drained = said(wording.drain(CONFIGURATION, full, "left-2", "ann", "y"))
    assert msgspec.structs.replace(drained, drained=full.drained) == full
    assert said(wording.resume(full)) == msgspec.structs.replace(full, rollback=None)
