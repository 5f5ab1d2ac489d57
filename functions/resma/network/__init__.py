"""Connections to hosts that callers name: which hosts and IP addresses are allowed, and connections to these only."""
