"""Connections to Postgres, and what its errors mean for a report."""
