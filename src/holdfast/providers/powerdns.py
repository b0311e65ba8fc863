"""PowerDNS by DNS update: atomic in one process (or on one SQLite/LMDB file), unsafe with several processes over
PostgreSQL or MySQL, hence `Fencing.PROCESS`.

TXT prerequisites compare without case, so a fence is lower case only (`model.fence` has no other). Its HTTP API
has no compare-and-set at all and must be closed: a PATCH with `REPLACE` and an empty list deletes the RRset.
`SOA-EDIT` and `SOA-EDIT-DNSUPDATE` decide whether the serial can be pinned: proved before a repair (R3).
"""

from __future__ import annotations

from holdfast.ports.provider import Fencing
from holdfast.providers.dialect import Dialect

POWERDNS = Dialect(name="powerdns", fencing=Fencing.PROCESS, rrsets_max=50)
"""PowerDNS 4.7 lists the whole zone for each RRset that a message removes or replaces: 29 ms each in a zone of
10,000 names, in one transaction. Small messages keep it under a zone's timeout, and let others in between.
"""
