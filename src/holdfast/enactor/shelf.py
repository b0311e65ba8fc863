"""The plan on the disk: whole in one document if it is small, its sections in documents of their own if not.

    plan            the plan, or its head alone
    section-<i>-0   section i, in one of two places: a changed section goes to the place that the plan on the disk
    section-<i>-1   does not use, so that until the head is promoted the old plan stays whole

So a plan of 427,000 names that changes three of them writes one section, not 49 MB; and a crash at any point
leaves the old plan or the new one. Which place holds a section is told by the digest in the head.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.model.codec import Unreadable, decode, encode, intact, section_ref
from holdfast.model.plan import Plan, Section, SectionRef
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage

PLAN_FILE: Final = "plan"
WHOLE_MAX: Final = 2
"""Up to so many sections a plan is one document."""


class Shelf(msgspec.Struct, frozen=True):
    """What lies on the disk: the sections of the plan there, in order, and the place of each."""

    sections: tuple[SectionRef, ...] = ()
    places: tuple[int, ...] = ()


class Shelved(msgspec.Struct, frozen=True):
    """A plan read back, and the shelf as it is; `damage` says what was there and could not be read."""

    plan: Plan | None
    shelf: Shelf
    damage: str = ""


def section_file(index: int, place: int) -> str:
    """Name of a section's document."""
    return f"section-{index:05d}-{place}"


async def save(name: str, data: bytes) -> DiskFailed | None:
    """Replace a document: staged first, so that a crash in between leaves the old one."""
    failed = await Stage(name, data)
    return failed if failed is not None else await Promote(name)


async def put_plan(plan: Plan, shelf: Shelf) -> Shelf | DiskFailed:
    """Put a plan on the disk; the shelf afterwards. After a failure the old plan is still there."""
    if len(plan.sections) <= WHOLE_MAX:
        failed = await save(PLAN_FILE, encode(plan))
        return Shelf() if failed is None else failed
    places: tuple[int, ...] = ()
    for index, section in enumerate(plan.sections):
        known = index < len(shelf.sections)
        if known and shelf.sections[index] == plan.head.sections[index]:
            places = (*places, shelf.places[index])
            continue
        place = 1 - shelf.places[index] if known else 0
        failed = await save(section_file(index, place), encode(section))
        if failed is not None:
            return failed
        places = (*places, place)
    failed = await save(PLAN_FILE, encode(msgspec.structs.replace(plan, sections=())))
    return Shelf(plan.head.sections, places) if failed is None else failed


async def take_plan() -> Shelved:
    """The plan on the disk, checked as any other (R9)."""
    data = await Load(PLAN_FILE)
    if data is None:
        return Shelved(None, Shelf())
    if isinstance(data, DiskFailed):
        return Shelved(None, Shelf(), f"{PLAN_FILE}: {data.reason}")
    try:
        plan = decode(data, Plan)
    except Unreadable as error:
        return Shelved(None, Shelf(), f"{PLAN_FILE}: {error}")
    shelf = Shelf()
    if not plan.sections and plan.head.sections:
        sections: tuple[Section, ...] = ()
        for index, ref in enumerate(plan.head.sections):
            found = await _section(index, ref)
            if found is None:
                return Shelved(None, Shelf(), f"{PLAN_FILE}: section {index} of plan {plan.identity} is not there")
            place, section = found
            sections = (*sections, section)
            shelf = Shelf((*shelf.sections, ref), (*shelf.places, place))
        plan = msgspec.structs.replace(plan, sections=sections)
    if not intact(plan):
        return Shelved(None, Shelf(), f"{PLAN_FILE}: checksum of plan {plan.identity} does not hold")
    return Shelved(plan, shelf)


async def _section(index: int, ref: SectionRef) -> tuple[int, Section] | None:
    """The section with this digest, in whichever place it is."""
    for place in (0, 1):
        data = await Load(section_file(index, place))
        if isinstance(data, bytes):
            section = _read(data)
            if section is not None and section_ref(section, data) == ref:
                return place, section
    return None


def _read(data: bytes) -> Section | None:
    try:
        return decode(data, Section)
    except Unreadable:
        return None
