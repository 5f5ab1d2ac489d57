"""/api/v1/api-keys."""
