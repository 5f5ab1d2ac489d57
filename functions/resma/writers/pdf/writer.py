"""The PDF writer: first the cover, then pages of fifty rows, and at the end what only then is known.

A page leaves as soon as its fiftieth row is there. Object numbers are worked out ahead (`tree`), so nothing is
ever gone back to; fonts come last, when it is known which characters they must have.
"""

from __future__ import annotations

from collections.abc import Sequence

from resma.errors import RowCountMismatch
from resma.header import ReportHeader
from resma.rows import Batch
from resma.writers.pdf import metadata, objects
from resma.writers.pdf.columns import column_blocks
from resma.writers.pdf.cover import cover_pages
from resma.writers.pdf.encodings import TwoByte
from resma.writers.pdf.face import FACES, regular
from resma.writers.pdf.fonts import font_resources
from resma.writers.pdf.frame import GREY, INK, RIGHT_EDGE, Line, Pen, form_dictionary, frame
from resma.writers.pdf.joining import Texts
from resma.writers.pdf.layout import (
    FOOT_BASELINE,
    LEADING,
    MARGIN,
    PADDING,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    ROWS_A_PAGE,
    ROWS_TOP,
    SIZE,
    cells,
)
from resma.writers.pdf.outline import entries, note_months, outline_objects
from resma.writers.pdf.state import State
from resma.writers.pdf.tree import PageTree

CATALOGUE, PAGES, INFORMATION, METADATA, OUTLINES, RESOURCES, FRAME, LAST_FRAME = range(1, 9)

PAGES_AT_ONCE = 100
"""Pages made in one go from a larger batch: it bounds memory, whatever the size of batches."""

NOTHING = "No rows match."

_FOOT = b"%b rg BT /R1 6.5 Tf %b %b Td" % (GREY, objects.number(RIGHT_EDGE), objects.number(FOOT_BASELINE))
_OPENING = b" Do %b rg BT /R1 %b Tf %b TL\n" % (INK, objects.number(SIZE), objects.number(LEADING))


class PdfWriter:
    """`Writer` for PDF (ISO 32000-1). One instance a file; the same rows give the same bytes, however batched."""

    media_type = "application/pdf"
    extension = "pdf"

    def __init__(self, header: ReportHeader) -> None:
        self._header = header
        self.state = State(
            pending=[[] for _ in header.columns],
            wide_rows={letter: [] for letter in FACES},
            astral={letter: [] for letter in FACES},
        )
        two_byte = {letter: TwoByte(self.state.wide_rows[letter], self.state.astral[letter]) for letter in FACES}
        self._pen = Pen(two_byte)
        self._cells = cells(header.columns)
        self._columns = [column_blocks(cell, regular(), two_byte["R"]) for cell in self._cells]
        self._table_pages = max(1, -(-header.rows // ROWS_A_PAGE))
        self._cover: list[int] = []

    def begin(self) -> bytes:
        """The file's header, the cover and what table pages share."""
        state = self.state
        state.position = len(objects.HEADER)
        state.highest = LAST_FRAME
        cover = cover_pages(self._header, self._table_pages)
        numbered, self._cover = cover.numbered(PAGES, lambda: objects.claim(state))
        self._tree = PageTree(state.highest + 1, self._table_pages, PAGES)
        self._total_pages = self._table_pages + len(self._cover)
        parts = [objects.HEADER]
        parts += [objects.put(state, number, body) for number, body in numbered]
        parts.append(self._frame(FRAME, ROWS_A_PAGE))
        last = self._header.rows - ROWS_A_PAGE * (self._table_pages - 1)
        parts.append(self._frame(LAST_FRAME, last))
        return b"".join(parts)

    def add(self, batch: Batch) -> bytes:
        """Whole pages of the rows so far. Rows beyond what the header promised are counted, not printed."""
        state = self.state
        room = max(0, self._header.rows - state.rows)
        state.rows += batch.rows
        rows = min(batch.rows, room)
        out: list[bytes] = []
        pending = state.pending
        at = 0
        while at < rows:
            held = len(pending[0])
            take = min(rows - at, PAGES_AT_ONCE * ROWS_A_PAGE - held)
            texts = [[*old, *new[at : at + take]] for old, new in zip(pending, batch.columns, strict=True)]
            at += take
            whole = (held + take) // ROWS_A_PAGE * ROWS_A_PAGE
            pending = [column[whole:] for column in texts]
            if whole:
                out += self._pages([column[:whole] for column in texts])
        state.pending = pending
        if len(state.offsets) >= objects.SECTION_OBJECTS:
            out.append(objects.section(state, self._trailer()))
        return b"".join(out)

    def end(self) -> bytes:
        """The last page, fonts, outline and cross-references. Raises `RowCountMismatch`."""
        state = self.state
        if state.rows != self._header.rows:
            raise RowCountMismatch(f"expected {self._header.rows} rows and got {state.rows}")
        out = []
        if state.pending and state.pending[0]:
            out += self._pages(state.pending)
            state.pending = [[] for _ in self._header.columns]
        if not state.pages:
            out += self._empty_page()
        out += self._closing_objects()
        out.append(objects.section(state, self._trailer()))
        return b"".join(out)

    def _frame(self, number: int, rows: int) -> bytes:
        content = frame(self._header, self._cells, rows, self._pen)
        return objects.put(self.state, number, objects.stream(form_dictionary(RESOURCES), content))

    def _pages(self, texts: Sequence[Texts]) -> list[bytes]:
        """Pages of up to 50 rows, and the nodes of the page tree that they complete."""
        first = self.state.pages
        blocks = [column.blocks(column_texts) for column, column_texts in zip(self._columns, texts, strict=True)]
        period = self._header.period_column
        out: list[bytes] = []
        for i, page_blocks in enumerate(zip(*blocks, strict=True)):
            part = slice(i * ROWS_A_PAGE, (i + 1) * ROWS_A_PAGE)
            whole = [
                column.wide(column_texts[part]) if block is None else block
                for block, column, column_texts in zip(page_blocks, self._columns, texts, strict=True)
            ]
            if period is not None:
                note_months(self.state, texts[period][part], first + i)
            out += self._page(b"".join(whole))
        return out

    def _page(self, blocks: bytes) -> list[bytes]:
        """A page, its contents and the nodes above it that are complete."""
        state = self.state
        page = state.pages
        number = self._tree.page_number(page)
        parent = self._tree.node_number(1, page // 64)
        form = b"/P" if page + 1 == self._table_pages else b"/F"
        content = b"%b%b%bET\n%b" % (form, _OPENING, blocks, self._foot(page))
        body = b"<</Type/Page/Parent %d 0 R/Contents %d 0 R>>" % (parent, number + 1)
        out = [
            objects.put(state, number, body),
            objects.put(state, number + 1, objects.stream(b"", content)),
        ]
        out += [objects.put(state, node, body) for node, body in self._tree.nodes_after(page)]
        state.pages = page + 1
        return out

    def _foot(self, page: int) -> bytes:
        """Which rows these are, and `Page x of y`, set to the right by width as in `RightColumn`."""
        text = f"Page {len(self._cover) + page + 1:,} of {self._total_pages:,}"
        if self._header.rows:
            first, last = page * ROWS_A_PAGE + 1, min((page + 1) * ROWS_A_PAGE, self._header.rows)
            text = f"Rows {first:,} to {last:,} of {self._header.rows:,}   ·   {text}"
        return b"%b[%d(%b)]TJ ET\n" % (_FOOT, self._pen.width("R", text), text.encode("cp1252"))

    def _empty_page(self) -> list[bytes]:
        shown = self._pen.show(Line(NOTHING, "R", 9, MARGIN + PADDING, ROWS_TOP - 3 * LEADING))
        return self._page(b"ET " + GREY + b" rg\n" + shown + b"BT ")

    def _closing_objects(self) -> list[bytes]:
        state = self.state

        def claim() -> int:
            return objects.claim(state)

        out: list[bytes] = []

        def add(body: bytes) -> int:
            number = claim()
            out.append(objects.put(state, number, body))
            return number

        fonts = font_resources(state.wide_rows, state.astral, add)
        forms = b"/F %d 0 R/P %d 0 R" % (FRAME, LAST_FRAME)
        resources = b"<</Font<<%b>>/XObject<<%b>>>>" % (fonts, forms)
        kids = b" ".join([objects.reference(n) for n in [*self._cover, self._tree.top]])
        box = b"0 0 %b %b" % (objects.number(PAGE_WIDTH), objects.number(PAGE_HEIGHT))
        pages = b"<</Type/Pages/Count %d/Kids[%b]/MediaBox[%b]/Resources %d 0 R>>" % (
            self._total_pages,
            kids,
            box,
            RESOURCES,
        )
        tree = entries(state, self._cover[0], self._tree.page_number)
        numbered = [
            (RESOURCES, resources),
            (PAGES, pages),
            *outline_objects(OUTLINES, tree, claim),
            (METADATA, metadata.xmp(self._header)),
            (INFORMATION, metadata.information(self._header)),
            (CATALOGUE, metadata.catalogue(PAGES, OUTLINES, METADATA)),
        ]
        return out + [objects.put(state, number, body) for number, body in numbered]

    def _trailer(self) -> bytes:
        root = b"/Root %d 0 R/Info %d 0 R" % (CATALOGUE, INFORMATION)
        return root + metadata.file_identifier(self._header)
