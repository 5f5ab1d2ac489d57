"""Migrations of the database, and the demo bank."""
