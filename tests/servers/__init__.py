"""Real name servers for tests and benchmarks: BIND, Knot, PowerDNS and the embedded one, each its own process.

They listen on free ports of 127.0.0.1, keep everything in a temporary directory, run as root and as anybody, and
are killed for sure. A server that is not installed is skipped by name; with CI=true that is a failure.
"""
