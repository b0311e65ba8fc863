"""A page is a template with its places filled; nothing is fetched, nothing from the data is ever markup.

Data of zones and stores may hold anything, so they reach the page as JSON that the script puts in as text, or
escaped; a content security policy allows exactly the page's own style and script, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, TypeAlias

import msgspec

Facts: TypeAlias = Iterable[tuple[str, str]]
"""What stands in the page's head: what was searched, bounds, seed, the command that replays it."""
COMMANDS = frozenset({"Replay it", "Play it again", "Trace"})
"""Facts that people copy: in the letters of a terminal, and selected as a whole."""
_PLACE = re.compile(r"@([A-Z]+)@")


def filled(
    package: str, template: str, places: dict[str, str], *, styles: Iterable[str], scripts: Iterable[str] = ()
) -> str:
    """A template of `package` in the common frame, filled in one pass: no data can name a place.

    `styles` and `scripts` are files of the package, without their endings; the common style comes before them.
    """
    style = _part(__package__, "base.css") + "".join(_part(package, f"{name}.css") for name in styles)
    script = "".join(_part(package, f"{name}.js") for name in scripts)
    sources = [f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src {_hash(style)}"]
    sources += [f"script-src {_hash(script)}"] if script else []
    found = {**places, "STYLE": style, "SCRIPT": script, "CSP": html.escape("; ".join(sources))}
    page = _part(__package__, "frame.html").replace("@BODY@", _part(package, f"{template}.html"))
    return _PLACE.sub(lambda place: found[place[1]], page)


def as_json(found: Any) -> str:
    """JSON that can stand in a script element."""
    text = msgspec.json.encode(found).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; nothing for no text."""
    return f'<p class="{kind}">{html.escape(text)}</p>' if text else ""


def facts_list(facts: Facts) -> str:
    """The facts as a list of terms."""
    return "".join(f"<div><dt>{html.escape(k)}</dt><dd>{_fact(k, v)}</dd></div>" for k, v in facts if v)


def _fact(name: str, value: str) -> str:
    said = html.escape(value)
    return f"<code>{said}</code>" if name in COMMANDS else said


def _part(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
