"""The quickstart's world: four real HTTP backends, and the stale enactor of October 2025 on real DNS."""
