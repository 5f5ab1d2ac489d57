"""Parquet: typed columns in row groups of a fixed number of rows."""
