"""Checkpoints: the state that the next attempt needs to continue a report."""
