"""Requests for reports, from validation to the PENDING row."""
