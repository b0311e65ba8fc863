"""`holdfast audit --prove`: two callers through a gap, on the laboratory's loop, on the code itself.

A generated test uses `Gap`, which watches the lines of check and act, `Stand`, which stands in for what the code
would wait for, and `swapped`, which puts one in place; `bare` makes objects whose class can't be made in a test.
"""

from __future__ import annotations

from holdfast.proving.gap import Gap, StaleCheck
from holdfast.proving.stands import Stand, bare, swapped

__all__ = ["Gap", "StaleCheck", "Stand", "bare", "swapped"]
