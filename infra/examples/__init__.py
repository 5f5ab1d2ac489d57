"""Examples of subscribers and requesters: `python -m infra.examples`."""
