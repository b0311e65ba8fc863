"""ExternalDNS's webhook as an HTTP service, and the conversion of its ownership records."""
