"""Migrations of the database, and connections to it."""
