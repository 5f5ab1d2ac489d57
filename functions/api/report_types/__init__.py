"""/api/v1/report-types."""
