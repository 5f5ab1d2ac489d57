"""Resma's plug-in for LocalStack 4.13.1, which runs the template without Docker.

LocalStack finds it by the entry points in `resma_localstack-1.0.dist-info`. Its folder is on LocalStack's PYTHONPATH,
so it needs no build, and changes take effect with the next start.
"""
