"""DNS providers: fenced, atomic writes to one zone, as coroutines over the DNS transport port (R0-R6).

`rfc2136.Rfc2136Provider` is the protocol by which a message becomes a fact; `embedded`, `bind`, `knot` and
`powerdns` state what each server guarantees and what it silently allows (docs/facts/dns-fencing.md).
"""
