"""Connections to Postgres, advisory locks, and the translation of database errors."""
