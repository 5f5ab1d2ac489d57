"""Tenants and keys, for operators."""
