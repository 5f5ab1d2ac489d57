"""Schedules: their times, their periods, and the scopes of their owners."""
