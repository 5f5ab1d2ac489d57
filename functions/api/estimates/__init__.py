"""/api/v1/reports/estimate."""
