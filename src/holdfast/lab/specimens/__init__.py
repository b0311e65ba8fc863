"""Flawed designs kept alive as real code on the same ports: every search must catch them."""
