"""Knot DNS: a transaction per message, applied in bulk with other writers' messages, one disk flush per bulk.

A faulty message in the bulk can SERVFAIL an innocent one: nothing of it is applied, so a SERVFAIL is no verdict
on ours. Batching makes Knot fast: a flush costs the same for one name and for a thousand.
"""

from __future__ import annotations

from holdfast.providers.dialect import Dialect

KNOT = Dialect(name="knot")
