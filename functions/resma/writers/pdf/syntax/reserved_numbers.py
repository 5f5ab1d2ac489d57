"""Reserved numbers of objects that are referred to before they are written."""

from __future__ import annotations

CATALOG, PAGES, INFORMATION, METADATA, OUTLINES, RESOURCES, COUNT, INTENT = range(1, 9)
LAST_RESERVED = INTENT

ENCRYPTION = LAST_RESERVED + 1
"""Number of the encryption dictionary, which only encrypted files have."""
