"""The lease service and its clients as they ship, as a fleet of 10^3 to 10^5 leases in virtual time.

`world` has the service's loop behind its own inbox, the shipped `LeaseClient`s and what can happen to them;
`server` is one process of the service, `core` its processor, `store` its store, `truth` counts and judges from
what is on the wire. Needs the extra `leases`, as the client does.
"""
