"""Talk to a lease service from your own program: batched calls, leases that know how long they are good for.

Needs the extra `leases` (httpx). Nothing here imports the rest of holdfast but values, lease rules and the
overload library.
"""
