"""Health and caller: /health and /api/v1/me."""
