"""Resma's plug-in for LocalStack 4.13.1: what its template needs to run without Docker.

LocalStack finds it by the entry points beside this package (`resma_localstack-1.0.dist-info`); stack.py puts this
folder on LocalStack's path, so there is nothing to build, and a change counts from the next start on.
"""
