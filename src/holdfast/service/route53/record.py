"""The record that a person has run `holdfast providers verify route53` against a service, and what came of it.

What Route 53 does with a batch is taken from its documentation, and a fake holds us to that. Until this record
says that the service itself did the same, holdfast says "not verified" wherever it shows the zone. A record counts
for the endpoint that it was made at: that of a fake says nothing of the public one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.config.remembered import write_atomically
from holdfast.model.configuration import Configuration, Route53Settings

FILE = "route53-verified.json"
NOT_VERIFIED = (
    "not verified against the live service: run `holdfast providers verify route53 --zone {zone_id} ...`"
)


class Step(msgspec.Struct, frozen=True):
    """One thing that was tried. `good` is None where nothing depends on the answer: it is only told."""

    name: str
    good: bool | None
    text: str


class Verification(msgspec.Struct, frozen=True):
    """What was tried, where and when (Unix seconds)."""

    endpoint: str
    zone_id: str
    name: str
    at_s: int
    version: str
    steps: tuple[Step, ...]
    format: int = 1

    @property
    def good(self) -> bool:
        """Whether everything that holdfast rests on held."""
        return bool(self.steps) and all(step.good is not False for step in self.steps)


def read_record(state: str) -> Verification | None:
    """The record in a state directory; None without a readable one."""
    try:
        return msgspec.json.decode((Path(state) / FILE).read_bytes(), type=Verification)
    except (OSError, msgspec.MsgspecError):
        return None


def write_record(path: Path, verification: Verification) -> None:
    """Keep a record.

    Raises:
        OSError: it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(verification), indent=2)
    write_atomically(path, data, mode=0o644)


def not_verified(settings: Route53Settings, record: Verification | None) -> str:
    """What to say of a zone; empty if the record covers its endpoint."""
    if record is not None and record.endpoint == settings.endpoint and record.good:
        return ""
    said = NOT_VERIFIED.format(zone_id=settings.zone_id)
    if record is None:
        return said
    if record.endpoint != settings.endpoint:
        return f"{said} (the record is of {record.endpoint or 'the public service'})"
    failed = ", ".join(step.name for step in record.steps if step.good is False) or "nothing was tried"
    return f"{said} (the last run failed: {failed})"


def warnings(configuration: Configuration, state: str) -> dict[str, str]:
    """What to say of each zone on Route 53 that is not verified."""
    hosted = {z.name: z.route53 for z in configuration.zones if z.route53 is not None}
    record = read_record(state) if hosted else None
    said = {zone: not_verified(settings, record) for zone, settings in hosted.items()}
    return {zone: text for zone, text in said.items() if text}
