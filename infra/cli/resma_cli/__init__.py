"""The command line `resma`: it calls the API of a deployment, and runs the local stack."""

VERSION = "0.2.0"
"""Version of the project and of the client's package, whose pyproject.toml reads it from here."""
