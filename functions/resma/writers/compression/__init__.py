"""Streaming compression whose state can be saved: DEFLATE, gzip and zstd."""
