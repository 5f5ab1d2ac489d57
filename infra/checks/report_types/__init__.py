"""Checks of the catalogue of report types: `resma admin report-types`."""
