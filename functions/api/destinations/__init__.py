"""/api/v1/destinations and /api/v1/file-deliveries."""
