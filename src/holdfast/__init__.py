"""Holdfast keeps DNS names pointing at healthy endpoints, and proves that its automation can never empty them."""

__version__ = "0.1.0"
