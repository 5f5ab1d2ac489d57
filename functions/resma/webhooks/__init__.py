"""Webhooks: endpoints, deliveries, signing secrets, and which URLs are allowed."""
