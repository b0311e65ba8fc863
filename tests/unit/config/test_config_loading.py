"""A good file becomes exactly the configuration it says."""

from __future__ import annotations

from pathlib import Path

from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.model.configuration import CheckKind, Mode, ProviderKind

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_quickstart_loads_without_a_word() -> None:
    """The quickstart is good, warns of nothing, and means what its comments say."""
    loaded = load(EXAMPLES / "quickstart.toml")
    assert isinstance(loaded, Loaded)
    assert loaded.problems == ()
    configuration = loaded.configuration
    assert (configuration.scope, configuration.mode) == ("quickstart", Mode.ENFORCE)
    (zone,) = configuration.zones
    assert (zone.name, zone.provider, zone.server) == ("quickstart.test", ProviderKind.EMBEDDED, "127.0.0.1:5335")
    (endpoint,) = configuration.endpoints
    assert (endpoint.name, endpoint.zone, endpoint.ttl) == ("api.quickstart.test", "quickstart.test", 5)
    (group,) = configuration.groups
    assert group.name == endpoint.group
    assert [(t.a, t.port, t.label) for t in group.targets] == [
        ("127.0.0.11", 8100, "left"),
        ("127.0.0.12", 8100, "left"),
        ("127.0.0.13", 8100, "right"),
        ("127.0.0.14", 8100, "right"),
    ]
    assert (group.check.kind, group.check.interval_s, group.check.rise, group.check.fall) == (
        CheckKind.HTTP,
        1,
        2,
        2,
    )
    assert [p.name for p in configuration.probers] == ["a", "b", "c"]
    assert (configuration.limits.window_s, configuration.limits.quorum) == (10, 2)
    assert loaded.service.enactors == ("enactor-a", "enactor-b", "enactor-c")
    assert loaded.service.state == str(EXAMPLES / "quickstart-state")


def test_every_example_loads() -> None:
    """All files in examples/ are good."""
    for path in sorted(EXAMPLES.glob("*.toml")):
        loaded = load(path)
        assert isinstance(loaded, Loaded), (path, loaded.problems)
