"""The rules, one per file. A rule listens to events and drafts findings; it never walks syntax itself."""

from __future__ import annotations

from holdfast.audit.flow.expressions import Listener
from holdfast.audit.rules import hf001, hf002

WRITES: tuple[Listener, ...] = (hf001.written, hf002.written)
TITLES = {"HF001": "check, await, act", "HF002": "lost update"}
