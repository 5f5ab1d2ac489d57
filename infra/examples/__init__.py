"""Subscribers and requesters to begin with: `python -m infra.examples`."""
