"""BIND 9: a transaction per message; more than 100 records of one type at a name are SERVFAIL for all of it."""

from __future__ import annotations

from holdfast.providers.dialect import Dialect

BIND = Dialect(name="bind", rdatas_max=100)
"""`max-records-per-type` is 100 by default: checked before sending, so that one fat name blocks only itself."""
