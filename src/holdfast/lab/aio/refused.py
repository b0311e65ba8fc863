"""What the laboratory says where code under search asks for real I/O (`holdfast.virtual.refused`).

A refusal is raised where the code asked, and remembered, so that code which catches everything can't hide it.
"""

from __future__ import annotations

from holdfast.lab.actor import LabError


class RealIoRefusedError(LabError):
    """The code under search asked for real I/O; says for what, which task, and where."""
