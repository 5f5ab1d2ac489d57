"""The command line `resma`: the stack on one's own machine, and the API, here and on AWS, as a caller sees it."""

VERSION = "0.2.0"
"""Of the project, and of the client's package: infra/cli/pyproject.toml reads it here."""
