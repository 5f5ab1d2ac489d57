"""What can go wrong with the embedded stack."""

from __future__ import annotations


class StackError(Exception):
    """A part of the stack did not come up, or not as asked; the message says which, and what to do."""
