"""Stores: adapters that answer `holdfast.ports.store`, one engine per file, with the same semantics in each.

`memory` is the sibling that the laboratory uses; `sqlite` serves one machine with any number of processes.
Both pass the shipped suite, `holdfast.conformance.store`.
"""
