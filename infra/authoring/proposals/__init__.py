"""Proposes report types: from the catalogs of Postgres to the content of report.toml and query.sql."""
