"""Validation beyond that of pydantic, so that one response has all validation errors."""
