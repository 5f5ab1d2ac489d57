"""Object numbers set aside for what is referred to before it is written."""

from __future__ import annotations

CATALOG, PAGES, INFORMATION, METADATA, OUTLINES, RESOURCES, FRAME, LAST_FRAME, COUNT, INTENT = range(1, 11)
LAST_RESERVED = INTENT
