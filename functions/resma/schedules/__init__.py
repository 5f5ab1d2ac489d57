"""Schedules: when they run, for which period, and with whose rights."""
