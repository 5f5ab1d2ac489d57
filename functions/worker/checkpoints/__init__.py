"""Checkpoints: what another attempt needs to continue a report."""
