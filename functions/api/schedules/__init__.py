"""Schedules: /api/v1/schedules."""
