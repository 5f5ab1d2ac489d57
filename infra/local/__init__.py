"""The embedded stack: Postgres and LocalStack from PyPI, as processes of this machine, without Docker."""
