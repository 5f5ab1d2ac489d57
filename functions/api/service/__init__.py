"""The service itself: /health and /api/v1/me."""
