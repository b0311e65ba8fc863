"""The agent: runs beside a load balancer or a backend, registers it by a lease, drains it when it is stopped."""
