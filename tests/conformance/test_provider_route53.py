"""The provider suite on the strict fake of Route 53, over HTTP, in each form of answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

import pytest

from holdfast.conformance.provider import ProviderConformance
from holdfast.conformance.provider_route53 import Route53Writer
from holdfast.model.configuration import Answers
from holdfast.providers.route53.provider import Route53Provider
from holdfast.runtime.route53.transport import Route53Transport
from servers.route53 import ENVIRONMENT, Served, serving, zone_config

ZONE = "r53.test"


@asynccontextmanager
async def route53_writers(
    served: Served, count: int, answers: Answers = Answers.SIMPLE
) -> AsyncIterator[tuple[Route53Writer, ...]]:
    """Writers with a transport each, as enactors on several machines have it."""
    async with AsyncExitStack() as stack:
        found: list[Route53Writer] = []
        for _ in range(count):
            transport = Route53Transport((zone_config(ZONE, served.address, answers=answers),), ENVIRONMENT)
            stack.push_async_callback(transport.close)
            found.append(Route53Writer(Route53Provider(ZONE, answers), transport))
        yield tuple(found)


class _OnFake(ProviderConformance):
    kind: ClassVar[Answers]

    @asynccontextmanager
    async def writers(self, count: int) -> AsyncIterator[tuple[Route53Writer, ...]]:
        async with serving((ZONE,)) as served, route53_writers(served, count, self.kind) as found:
            yield found


class TestSimple(_OnFake):
    """All addresses of a name in one record set."""

    kind = Answers.SIMPLE
    generations: ClassVar[int] = 4
    packed: ClassVar[int] = 300


class TestWeighted(_OnFake):
    """A weighted record set for each address."""

    kind = Answers.WEIGHTED
    generations: ClassVar[int] = 2
    packed: ClassVar[int] = 20


class TestMultivalue(_OnFake):
    """A multivalue record set for each address."""

    kind = Answers.MULTIVALUE
    generations: ClassVar[int] = 2
    packed: ClassVar[int] = 20


@pytest.mark.soak
@pytest.mark.parametrize("answers", list(Answers))
class TestWhole(_OnFake):
    """The suite in its full length: 12 writers x 100 generations, 2,000 names."""

    @pytest.fixture(autouse=True)
    def _answers(self, answers: Answers) -> None:
        self.kind = answers  # type: ignore[misc]  # one class for all three
