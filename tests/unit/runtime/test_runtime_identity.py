"""Which process a connection reached: what that says about the address, and when updates stop."""

from __future__ import annotations

from holdfast.runtime.identity import Watch


def test_restart_under_another_name_is_no_second_process() -> None:
    """a, a, b, b: a process that came back as b (a new pod). Updates go on."""
    watch = Watch(())
    assert [watch.met(id_) for id_ in ("a", "a", "", "b", "b", "c")] == [""] * 6
    assert watch.refusal == ""


def test_id_that_comes_back_shows_several() -> None:
    """a, b, a: both are there. Updates are refused from then on, whoever answers next."""
    watch = Watch(())
    for identity in ("a", "b", "a", "a"):
        assert watch.met(identity) == ""
    assert "several PowerDNS processes answer there (a, b)" in watch.refusal


def test_named_processes_are_the_only_ones() -> None:
    """With `server_ids` another process, or one without an id, is not used; nothing is refused for good."""
    watch = Watch(("a", "b"))
    assert [watch.met(id_) for id_ in ("a", "b", "a")] == ["", "", ""]
    assert "reached server c" in watch.met("c")
    assert "(without an id)" in watch.met("")
    assert watch.refusal == ""
