"""October 2025 on real DNS: a write is stopped on its way, newer plans go out, and then it continues.

The write is the production code's (`ZoneProvider.write`), pinned to the fence of the plan that it belongs to. Its
UPDATE is held back, and signed only when it goes: what refuses it is the fence, not the age of a signature.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from holdfast.config.settings import Loaded
from holdfast.documents.reading import Document
from holdfast.documents.words import Refusal, change_words
from holdfast.model.configuration import Configuration, target_key
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence
from holdfast.ports.dns import Response, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FencedWrite, FenceFound, FenceMoved, PinFence, RRsetChange, ZoneProvider
from holdfast.runtime.driver import drive
from holdfast.service import wording
from holdfast.service.scene import CannotOpen, Scene, open_scene
from holdfast.service.views import stored_configuration

PLAN_WAIT_S = 30.0
LOOK_EVERY_S = 0.1
BY = "demo-stale"


async def replay(loaded: Loaded, say: Callable[[str], None]) -> bool:
    """Play it against a running `up`; True if the fence refused the stale write.

    Raises:
        CannotOpen: nothing runs that could make newer plans, or DNS does not answer.
    """
    async with open_scene(loaded, "demo-stale") as scene:
        zone = next(iter(scene.providers))
        provider = scene.providers[zone]
        fence = await _fence(scene, provider)
        write = await _write(scene, provider, fence, loaded.configuration)
        _check_all_serve(await stored_configuration(scene), write)
        mine = fence.identity.generation
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def held(op: Update) -> Response | CouldNotAsk:
            reached.set()
            await go_on.wait()
            return await scene.dns.update(op)

        answers = scene.answers("demo-stale")
        answers.register(Update, held)
        stale = asyncio.create_task(drive(provider.write(scene.keys.scope, write), answers))
        await reached.wait()
        say(f"an enactor writes for generation {mine}, and is stopped in the middle of its write")
        drained = _some_targets(await stored_configuration(scene))
        try:
            for spoken in await _newer_plans(scene, provider, fence, drained):
                say(spoken)
            say("the old enactor continues: its message goes out now, freshly signed")
        finally:
            go_on.set()
            result = await stale
            await _bring_back(scene, drained)
        if not isinstance(result, FenceMoved) or not isinstance(result.seen, FenceFound):
            say(f"it was answered with {result}")
            return False
        now = result.seen.fence.identity.generation
        say(f"refused by the DNS server: the fence is at generation {now}, mine is {mine}")
        return True


async def _fence(scene: Scene, provider: ZoneProvider) -> Fence:
    reading = await scene.ask(provider.read_fence(scene.keys.scope))
    if not isinstance(reading, FenceFound):
        raise CannotOpen(
            f"zone {provider.zone} has no readable fence: {reading}. Start `make run` first, in another terminal"
        )
    return reading.fence


async def _write(scene: Scene, provider: ZoneProvider, fence: Fence, configuration: Configuration) -> FencedWrite:
    """The old plan's data, as its enactor would heal them."""
    names = tuple(e.name for e in configuration.endpoints if e.zone == provider.zone)
    seen = await scene.ask(provider.read_rrsets(names))
    if isinstance(seen, CouldNotAsk):
        raise CannotOpen(f"the primary of {provider.zone} does not answer: {seen.reason}")
    changes = tuple(RRsetChange(name=r.name, rtype=r.rtype, before=r, after=r) for r in seen.rrsets)
    return FencedWrite(pin=PinFence(fence), fence_after=None, changes=changes)


def _check_all_serve(configuration: Configuration, write: FencedWrite) -> None:
    """Newer plans are made by draining: who is out already, or a pool at its floor, would make none."""
    served = {rdata for change in write.changes if change.before for rdata in change.before.rdatas}
    out = [t.a for t in configuration.groups[0].targets if t.a is not None and t.a not in served]
    if out:
        raise CannotOpen(
            f"not in DNS now: {', '.join(out)}. The demo needs all backends: `holdfast demo start {out[0]}`"
            f"{', and the others,' if out[1:] else ''} and wait until the name leads there again"
        )


async def _newer_plans(scene: Scene, provider: ZoneProvider, fence: Fence, drained: tuple[str, ...]) -> list[str]:
    """A plan newer than the fence for each drain, applied by the enactors that run."""
    configuration = await stored_configuration(scene)
    said = []
    for key in drained:
        await _speak(scene, _drain(configuration, key))
        fence = await _next(scene, provider, fence)
        said.append(f"{key} is drained: generation {fence.identity.generation} is in DNS, by {fence.writer}")
    return said


def _drain(configuration: Configuration, key: str) -> Callable[[Directives], Directives | Refusal]:
    return lambda d: wording.drain(configuration, d, key, BY, "newer plans for the demo")


async def _bring_back(scene: Scene, drained: tuple[str, ...]) -> None:
    """End the demo's drains: they were its own."""
    await _speak(
        scene,
        lambda d: msgspec.structs.replace(
            d, drained=tuple(w for w in d.drained if not (w.by == BY and w.subject in drained))
        ),
    )


def _some_targets(configuration: Configuration) -> tuple[str, ...]:
    """Two targets under different zone labels, so that the group keeps serving under both."""
    group = configuration.groups[0]
    by_label = {t.label: target_key(group.name, t.name) for t in group.targets}
    return tuple(by_label[label] for label in sorted(by_label))[:2]


async def _speak(scene: Scene, change: Callable[[Directives], Directives | Refusal]) -> None:
    result = await scene.ask(change_words(scene.keys, change))
    if not isinstance(result, Document):
        raise CannotOpen(f"the word was not taken: {msgspec.json.encode(result).decode()}")


async def _next(scene: Scene, provider: ZoneProvider, after: Fence) -> Fence:
    """The fence once it has moved above `after`."""
    for _ in range(int(PLAN_WAIT_S / LOOK_EVERY_S)):
        fence = await _fence(scene, provider)
        if fence.identity > after.identity:
            return fence
        await asyncio.sleep(LOOK_EVERY_S)
    raise CannotOpen(
        f"no newer plan reached DNS within {PLAN_WAIT_S:g} s: does `make run` run, and is nothing frozen?"
    )
