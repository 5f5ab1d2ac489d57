"""Regular expressions for strings in JSON Schemas.

They have the same meaning in ECMA-262, which JSON Schema refers to, in pydantic and in Python's `re.fullmatch`.
"""

NO_NUL = r"^[^\x00]*$"
"""Strings without NUL characters, which PostgreSQL's type `text` cannot store."""
