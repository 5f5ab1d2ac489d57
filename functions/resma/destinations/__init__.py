"""Destinations of a tenant's files: their settings, and the deliveries of reports to them.

The delivery function makes the attempts.
"""
