"""Generators of clients, which turn the OpenAPI document into programs; and small programs that use such clients."""
