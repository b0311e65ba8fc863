"""docker-compose files. They declare little: what the environment of a service names is read too, as inferred."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.documents import read_documents, table, texts
from holdfast.depmap.sources.faults import Unreadable, Warned
from holdfast.depmap.values import Basis, Evidence, Phase

VALUE_CHARACTERS_MAX = 10_000


def read_compose(text: str, path: str) -> Reading:
    """`depends_on` is needed to start, and as far as anybody says to run; `required: false` makes it soft."""
    documents = read_documents(text, path)
    services = table(table(documents[0][1] if documents else None).get("services"))
    if not services:
        raise Unreadable(path, "has no services", "a compose file holds a table `services`")
    reading, warned = Reading(source=path, kind="compose"), Warned()
    for name, value in services.items():
        _service(name, table(value), set(services), reading, warned)
    reading.warnings = warned.lines()
    return reading


def _service(name: str, of: dict[str, Any], known: set[str], reading: Reading, warned: Warned) -> None:
    path = reading.source
    image = of.get("image")
    evidence = Evidence(path, path, f"services.{name}")
    reading.services.append(
        StatedService(name, evidence, code=image if isinstance(image, str) and image else None)
    )
    declared: set[str] = set()
    for on, hard, says in _declared(of):
        if on not in known:
            warned.note(f"{name} names {on!r}, which is no service of the file", path)
            continue
        declared.add(on)
        why = Evidence(path, path, f"services.{name}.{says}")
        reading.needs.append(StatedNeed(name, (on,), why, Basis.DECLARED, hard, Phase.BOTH))
    for key, value in _environment(of.get("environment")):
        for on in sorted(known - declared - {name}):
            if re.search(rf"(?:^|[/@,;\s]){re.escape(on)}(?::\d+|[/,;\s]|$)", value):
                declared.add(on)
                why = Evidence(path, path, f"services.{name}.environment.{key} names {on}")
                reading.needs.append(StatedNeed(name, (on,), why, Basis.INFERRED, None, Phase.RUN))


def _declared(of: dict[str, Any]) -> Iterator[tuple[str, bool | None, str]]:
    depends = of.get("depends_on")
    if isinstance(depends, dict):
        for on, how in depends.items():
            required = table(how).get("required", True)
            condition = table(how).get("condition", "")
            yield str(on), bool(required), f"depends_on.{on} {condition}".strip()
    for on in texts(depends):
        yield on, True, f"depends_on {on}"
    for link in texts(of.get("links")):
        yield link.split(":")[0], None, f"links {link}"
    for volume in texts(of.get("volumes_from")):
        if not volume.startswith("container:"):
            yield volume.split(":")[0], True, f"volumes_from {volume}"
    for key in ("network_mode", "ipc", "pid"):
        mode = of.get(key)
        if isinstance(mode, str) and mode.startswith("service:"):
            yield mode.removeprefix("service:"), True, f"{key} {mode}"


def _environment(of: object) -> Iterator[tuple[str, str]]:
    pairs = of.items() if isinstance(of, dict) else (text.partition("=")[::2] for text in texts(of))
    for key, value in pairs:
        if isinstance(value, str):
            yield str(key), value[:VALUE_CHARACTERS_MAX]
