"""Several enactors need a provider that can refuse a stale write."""

from __future__ import annotations

import pytest

from holdfast.config.fencing import refuse_enactors
from holdfast.ports.provider import Capabilities, Fencing


def _capabilities(fencing: Fencing) -> Capabilities:
    return Capabilities(
        fencing=fencing,
        weights=False,
        pins_unchanged=True,
        rrsets_per_message_max=1,
        bytes_per_message_max=1,
        serial_pin=True,
    )


@pytest.mark.parametrize("fencing", list(Fencing))
def test_only_fencing_none_refuses_and_only_several(fencing: Fencing) -> None:
    """One enactor may run anywhere; several only where a conditional write exists."""
    zones = {"z.test": _capabilities(fencing)}
    assert refuse_enactors(zones, ("a",)) == ()
    refused = refuse_enactors(zones, ("a", "b"))
    assert bool(refused) is (fencing is Fencing.NONE)
    assert all("z.test" in text and "2 enactors (a, b)" in text for text in refused)
