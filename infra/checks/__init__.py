"""Checks of the project: report types, dependencies and event schemas."""
