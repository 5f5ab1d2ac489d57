"""Checks of the catalogue of report types: `python -m infra.catalogue`."""
