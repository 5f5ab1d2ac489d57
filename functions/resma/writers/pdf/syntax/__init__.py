"""Syntax of a PDF file: objects, page tree and metadata."""
