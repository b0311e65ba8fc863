"""The rules, one per file. A rule listens to events and drafts findings; it never orders syntax itself."""

from __future__ import annotations

from holdfast.audit.flow.base import Listeners
from holdfast.audit.rules import hf001, hf002, hf003, hf004, hf005, hf006, hf007, hf008

LISTENERS = Listeners(
    written=(hf001.written, hf002.written),
    stored=(hf003.stored, hf004.stored, hf005.stored),
    called=(hf005.called,),
)
FUNCTIONS = (hf006.function, hf007.function, hf008.function)
"""Rules that look at a function as a whole."""
TITLES = {
    "HF001": "check, await, act",
    "HF002": "lost update",
    "HF003": "find, then create",
    "HF004": "read, then write unconditionally",
    "HF005": "version checked early, applied late",
    "HF006": "deleted by age, whether or not it is live",
    "HF007": "lock shorter than the work",
    "HF008": "never, and nobody watches",
}
