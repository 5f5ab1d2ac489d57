"""Report types: /api/v1/report-types."""
