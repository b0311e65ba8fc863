"""The deterministic world: values for store and zones, and what one operation may come to there."""
