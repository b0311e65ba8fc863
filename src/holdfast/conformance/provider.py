"""What every DNS provider must do (`ports.provider`), as a class of asynchronous tests.

Use: subclass, and say how to reach a zone that holds nothing but its SOA and NS yet, through a transport of your
own for each writer. pytest collects the subclass (asyncio mode `auto`).

    class TestMine(ProviderConformance):
        @asynccontextmanager
        async def writers(self, count): ... yield tuple(Writer(my_provider(zone), my_transport(zone)) ...)

What does not speak DNS brings a writer of its own: see `provider_world.AnyWriter` and `provider_route53`.
A provider whose weakness is stated (`Capabilities`) is held to what it states, and to nothing less. Traps that
only one server has are no part of this suite; they are tests of that server's dialect.
"""

from __future__ import annotations

from typing import ClassVar

from holdfast.conformance.provider_data import DataRequirements
from holdfast.conformance.provider_fencing import FencingRequirements
from holdfast.conformance.provider_losses import LossRequirements


class ProviderConformance(FencingRequirements, DataRequirements, LossRequirements):
    """Each method that begins with `test_` is one requirement."""

    racers: ClassVar[int] = 12
    generations: ClassVar[int] = 100
    packed: ClassVar[int] = 2_000
    """Names of the test that fills many messages."""
