"""The rules, one per file. A rule listens to events and drafts findings; it never walks syntax itself."""

from __future__ import annotations

from holdfast.audit.flow.base import Listeners
from holdfast.audit.rules import hf001, hf002, hf003, hf004

LISTENERS = Listeners(written=(hf001.written, hf002.written), stored=(hf003.stored, hf004.stored))
TITLES = {
    "HF001": "check, await, act",
    "HF002": "lost update",
    "HF003": "find, then create",
    "HF004": "read, then write unconditionally",
}
