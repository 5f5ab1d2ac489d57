"""Servers of the local stack, as processes: Postgres and LocalStack."""
