"""Servers of the local stack: Postgres and LocalStack, each as a process."""
