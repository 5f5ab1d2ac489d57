"""Cells joined to long texts, so that C code can do a batch of a column at a time.

Two separators hold the place of what comes later: U+0000 between cells (Postgres text cannot hold it) and
U+0001 between pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from resma.writers.pdf.encodings import single_byte
from resma.writers.pdf.layout import ROWS_A_PAGE

Texts = Sequence[str | None]


def without_nulls(texts: Texts) -> Sequence[str]:
    """NULL shows as nothing. Whether there is one is found out by a join, cheaper than a look at each cell."""
    try:
        "".join(texts)  # type: ignore[arg-type]  # raises at the first None
    except TypeError:
        return [text or "" for text in texts]
    return texts  # type: ignore[return-value]


def joined_pages(texts: Sequence[str]) -> str:
    """Cells between U+0000, pages between U+0000 and U+0001."""
    marked = list(texts)
    marked[ROWS_A_PAGE::ROWS_A_PAGE] = [f"\1{text}" for text in marked[ROWS_A_PAGE::ROWS_A_PAGE]]
    return "\0".join(marked)


def encoded_pages(joined: str, pages: int) -> bytes | None:
    """`joined_pages` in Windows-1252, or None where that cannot be done for all its pages."""
    if joined.count("\1") != pages - 1:
        return None
    return single_byte(joined, one_is_separator=True)


def encoded_cells(texts: Sequence[str]) -> bytes | None:
    """One page's cells in Windows-1252 between zero bytes, or None."""
    return single_byte("\0".join(texts))
