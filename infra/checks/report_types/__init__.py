"""Checks of the catalog of report types: `resma check`."""
