"""`/api/v1/reports/{id}/hold` and `/api/v1/reports/{id}/holds`."""
