"""HTTP: bodies, cursors, problem details, headers."""
