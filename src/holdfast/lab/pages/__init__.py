"""HTML pages: a run, a schedule of asyncio code, or a drill. Self-contained: no network, no server."""

from holdfast.lab.pages.drills import drill_page
from holdfast.lab.pages.runs import run_page
from holdfast.lab.pages.schedules import schedule_page

__all__ = ["drill_page", "run_page", "schedule_page"]
