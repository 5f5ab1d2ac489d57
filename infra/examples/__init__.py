"""Example subscribers and requesters, deployed by `python -m infra.examples`."""
