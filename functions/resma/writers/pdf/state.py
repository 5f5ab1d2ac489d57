"""State of a PDF that is being written. Nothing else in this package changes from page to page."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from resma.report.rows import Row
from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.syntax.objects import FileState
from resma.writers.pdf.syntax.page_tree import TreeState
from resma.writers.pdf.text.used_codes import no_codes
from resma.writers.saved_state import Numbers


@dataclass(slots=True)
class PdfState:
    """State of a PDF, as plain values, so that it can be saved between two batches and resumed in another process.

    Its size does not grow with the rows: offsets are deleted with every cross-reference section, pending rows fill
    less than twenty pages, and there is one start per period, of which the header has equally many.
    """

    wide: dict[str, WideState]
    """State of the fonts of text beyond Windows-1252, by the letter of the face."""
    file: FileState = field(default_factory=FileState)
    tree: TreeState = field(default_factory=TreeState)
    """Open nodes of the page tree above the table's pages."""
    first_page: int = 0
    """Object number of the first table page; 0 before it is written."""
    forms: dict[str, int] = field(default_factory=dict)
    """Object numbers of the forms written so far, by name: logo, letterhead, full page, last page, for each group."""
    codes: dict[str, bytes] = field(default_factory=no_codes)
    """Codes of the one-byte fonts that the file shows, by the letter of the face, sorted; see `text/used_codes.py`."""
    rows: int = 0
    """Number of rows received, whether written or pending."""
    pages: int = 0
    """Number of table pages written."""
    rows_shown: int = 0
    """Number of rows that start on those pages."""
    subtotals_shown: int = 0
    """Number of lines of subtotals on those pages."""
    pending: list[Row] = field(default_factory=list)
    """Lines of pages that are not full yet: each is a row, one line of a row that wraps, or blank for a subtotal."""
    kinds: bytearray = field(default_factory=bytearray)
    """Kind of each pending line; see `table/line_plan.py`."""
    without_font: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By column index: the first row with a character that no installed font has, and the number of such rows."""
    period_starts: Numbers = field(default_factory=lambda: array("Q"))
    """Three numbers for each started period: the object number of its page, the page (from 0), the slot on the page."""
