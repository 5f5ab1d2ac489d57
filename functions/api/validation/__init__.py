"""Validation errors beyond those that pydantic finds, so that one answer names all."""
