"""Migrations, and the demo bank."""
