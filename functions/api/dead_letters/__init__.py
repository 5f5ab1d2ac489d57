"""/api/v1/dead-letters."""
