"""Reserved numbers of objects that are referred to before they are written."""

from __future__ import annotations

CATALOG, PAGES, INFORMATION, METADATA, OUTLINES, RESOURCES, FRAME, LAST_FRAME, COUNT, INTENT = range(1, 11)
LAST_RESERVED = INTENT
