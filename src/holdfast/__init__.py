"""Holdfast keeps DNS names pointing at healthy endpoints, and proves that its automation can never empty them.

from holdfast import never      # an assumption that is watched at run time: docs/never.md
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself costs more than the rest of this file
if TYPE_CHECKING:
    from holdfast.assumptions import never

__version__ = "0.1.0"
__all__ = ["__version__", "never"]


def __getattr__(name: str) -> object:
    """`never`, loaded when it is asked for: `import holdfast` itself loads nothing."""
    if name == "never":
        from holdfast.assumptions import never

        return never
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
