"""Patterns of JSON Schemas for strings of any wording: what requests may hold, and what the database can.

They mean the same to ECMA-262, to which JSON Schema refers, to pydantic and to Python's `re.fullmatch`.
"""

NO_NUL = r"^[^\x00]*$"
"""What PostgreSQL's `text` can hold."""
