"""Compression whose state can be saved: deflate, gzip and zstd."""
