"""The values that rooms exchange. Immutable, hashable, canonical; this package imports nothing above itself."""
