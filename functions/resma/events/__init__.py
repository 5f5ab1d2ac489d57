"""Completion events: the outbox, the SNS topic and the event bus."""
