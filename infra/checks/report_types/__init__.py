"""Checks of the catalog of report types: `resma admin report-types`."""
