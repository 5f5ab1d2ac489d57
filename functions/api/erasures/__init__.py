"""`/api/v1/erasures`."""
