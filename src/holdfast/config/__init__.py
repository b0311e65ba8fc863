"""The configuration: TOML read with positions, checked all at once, compared, and applied to the store (R10)."""
