"""Deployment of the template to AWS or to an emulator."""
