"""Route 53 behind the provider port: `provider` is the protocol, `batch` and `sets` are pure."""
