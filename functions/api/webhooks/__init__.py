"""/api/v1/webhook-endpoints and /api/v1/webhook-deliveries."""
