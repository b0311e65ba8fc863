"""DNS on our own side: the pure zone engine, the wire codec, the embedded authoritative server, DNS in memory.

`names`, `changes`, `zone`, `lookup`, `updating` and `weights` are pure and know no DNS library: the laboratory
searches them as the state of its DNS servers. `wire` is the one place where values become DNS messages.
"""
