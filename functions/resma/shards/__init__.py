"""Shards: ranges of keys of one report, which several workers generate."""
