"""Completion events: the outbox, the topic of SNS and the event bus."""
