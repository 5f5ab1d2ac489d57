"""HTTP details: request bodies, cursors, problem details and headers."""
