"""All that a PDF in the making has to remember. Nothing else in this package changes from page to page."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from resma.report.rows import Row
from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.syntax.objects import FileState
from resma.writers.pdf.syntax.page_tree import TreeState
from resma.writers.saved_state import Numbers


@dataclass(slots=True)
class PdfState:
    """Plain values only, so that it can be saved between two batches and taken up by another process.

    Its size does not grow with the rows: offsets leave with every cross-reference section, pending rows are
    less than twenty pages, and there is one mark a period, of which the header holds as many.
    """

    wide: dict[str, WideState]
    """What text beyond Windows-1252 has used of its fonts, per face."""
    file: FileState = field(default_factory=FileState)
    tree: TreeState = field(default_factory=TreeState)
    """The nodes above the table's pages that are still open."""
    first_page: int = 0
    """Object number of the first table page, 0 before there is one."""
    rows: int = 0
    """Rows received, written or pending."""
    pages: int = 0
    """Table pages written."""
    rows_shown: int = 0
    """Rows that begin on those pages."""
    subtotals_shown: int = 0
    """Lines of subtotals on those pages."""
    pending: list[Row] = field(default_factory=list)
    """Lines that wait for their page: a row, or of a row that wraps one of its lines, or blank for a subtotal."""
    kinds: bytearray = field(default_factory=bytearray)
    """What each of them is, see `plan`."""
    without_font: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By column: the first row with a character that no installed font has, and how many rows have one."""
    marks: Numbers = field(default_factory=lambda: array("Q"))
    """Three numbers for each period that has begun: its page's object number, that page (from 0), the slot on it."""
