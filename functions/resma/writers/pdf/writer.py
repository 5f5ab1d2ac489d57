"""The PDF writer: writes pages of rows, and then the objects that depend on all pages.

Up to twenty pages are written at a time. Everything that depends on the number of pages (cover, contents, bookmarks,
the root of the page tree) is written after the last page, and fonts come last, when their characters are known. The
page tree, not the file, defines the order of pages: the cover is the first page, but its bytes are near the end of the
file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resma.errors import RowCountMismatchError
from resma.report.format_options import PdfOptions
from resma.report.header import ReportHeader
from resma.report.rows import Batch, Row
from resma.report.warnings import ReportWarning
from resma.writers.pdf.finish import FinalObjects
from resma.writers.pdf.fonts.glyph_codes import WideState
from resma.writers.pdf.fonts.own_faces import FACES
from resma.writers.pdf.fonts.typefaces import cjk_variant
from resma.writers.pdf.front.contents import contents_pages
from resma.writers.pdf.front.cover import PageCounts, cover_pages
from resma.writers.pdf.front.letterhead import Letterhead
from resma.writers.pdf.layout import choose_layout
from resma.writers.pdf.page_groups import PageGroup, page_groups, titled
from resma.writers.pdf.palette import GRAY
from resma.writers.pdf.readability import describe_widths, require_readable
from resma.writers.pdf.state import PdfState
from resma.writers.pdf.syntax import metadata, objects
from resma.writers.pdf.syntax.encryption import ObjectCipher, encryption_dictionary
from resma.writers.pdf.syntax.page_tree import add_page, parent_of_next
from resma.writers.pdf.syntax.reserved_numbers import (
    CATALOG,
    ENCRYPTION,
    INFORMATION,
    LAST_RESERVED,
    RESOURCES,
)
from resma.writers.pdf.table import missing_glyphs
from resma.writers.pdf.table.columns import make_column
from resma.writers.pdf.table.line_plan import FREE, LinePlan, find_row
from resma.writers.pdf.table.logo import NAME, logo_object
from resma.writers.pdf.table.page import PageComposer, rows_on
from resma.writers.pdf.table.page_template import first_frame, footers, form_dictionary, frame, titles
from resma.writers.pdf.table.visible_text import VisibleText
from resma.writers.pdf.table.wrapping import Wrapper
from resma.writers.pdf.text.pen import Pen
from resma.writers.pdf.text.unicode import WideText
from resma.writers.pdf.text.used_codes import MAX_PAGES, record_codes

PAGES_AT_ONCE = 20
"""Number of pages that are written at once, column by column. It does not depend on the batches, because glyphs of wide
text are numbered in the order in which they are shown."""

_MAX_CELLS_AT_ONCE = 100 * PAGES_AT_ONCE
"""Maximum number of columns times pages at once: with more than 100 columns, fewer pages are written at once."""

_PAGE = b"<</Type/Page/Parent %d 0 R/Resources %d 0 R/Contents %d 0 R>>"
"""PDF/A requires that each page refers to its resources instead of inheriting them (ISO 19005-2 6.2.2)."""


class PdfWriter:
    """Writes PDF (ISO 32000-1, PDF/A-2b), or encrypted PDF (ISO 32000-2 §7.6). Implements `Writer`."""

    media_type = "application/pdf"

    def __init__(self, header: ReportHeader, options: PdfOptions) -> None:
        self._header = header
        self._layout = choose_layout(header, options)
        self._plan = LinePlan(header)
        self._groups = page_groups(header, self._layout)
        positions = {
            index: cell for group in self._groups for index, cell in zip(group.indexes, group.cells, strict=True)
        }
        self._cells = [positions[index] for index in range(len(header.columns))]
        self._wraps = any(column.wrap for column in header.columns)
        parts = options.or_else(header.pdf)
        self._has_cover = parts.cover is not False
        self._contents = 0 if parts.contents is False else contents_pages(header, self._layout)
        self._slots = self._layout.slots
        self._visible = VisibleText(self._cells, self._slots)
        self._pages_at_once = max(1, min(PAGES_AT_ONCE, _MAX_CELLS_AT_ONCE // len(self._cells)))
        self.state = PdfState(wide={letter: WideState() for letter in FACES})
        self._cover = cover_pages(header, self._layout, self._pen) if self._has_cover else 0
        self._letterhead = None if self._has_cover else Letterhead(header, self._layout, self._pen)
        self._start = self._letterhead.slots if self._letterhead else 0
        # If cells wrap, the number of pages is known only at the end.
        self._lines = self._start + self._plan.lines
        self._row_pages = None if self._wraps else max(1, -(-self._lines // self._slots))
        self._before = self._cover + self._contents
        count = len(self._groups) if header.rows else 1
        self._total_pages = None if self._row_pages is None else self._before + self._row_pages * count
        identifier = metadata.file_identifier(header)
        self._trailer = b"/Root %d 0 R/Info %d 0 R%b" % (CATALOG, INFORMATION, identifier)
        self._cipher: ObjectCipher | None = None
        if header.pdf_key is not None:
            self._cipher = ObjectCipher(header.pdf_key, identifier)
            self._trailer += b"/Encrypt %d 0 R" % ENCRYPTION

    @property
    def state(self) -> PdfState:
        """See `Writer.state`."""
        return self._state

    @state.setter
    def state(self, state: PdfState) -> None:
        self._state = state
        header, layout = self._header, self._layout
        variant = cjk_variant(header.locale.tag)
        wide = self._wide = {letter: WideText(letter, state.wide[letter], variant) for letter in FACES}
        self._pen = Pen(wide)
        self._columns = [make_column(cell, layout, header.locale, wide["R"]) for cell in self._cells]
        self._composers = [
            PageComposer(header, layout, group.cells_by_index(len(self._cells)), self._plan, self._pen)
            for group in self._groups
        ]
        self._wrapper = Wrapper(self._cells, layout.slots, wide["R"]) if self._wraps else None

    @property
    def pages(self) -> int:
        """Number of pages so far, including cover and contents, which are written last."""
        return self._before + self._state.pages

    def warnings(self) -> tuple[ReportWarning, ...]:
        """Returns warnings about narrow columns and missing glyphs, available after `end`."""
        missing = {**self._wide["R"].missing, **self._wide["B"].missing}
        names = [column.name for column in self._header.columns]
        return (
            *describe_widths(self._header.columns, self._layout),
            *missing_glyphs.describe(missing, self._state.without_font, names),
        )

    def begin(self) -> bytes:
        """Returns the file header and the objects that table pages share. Raises FormatLimitError."""
        require_readable(self._header.columns, self._layout)
        file = self._state.file
        file.position = len(objects.HEADER)
        file.highest = LAST_RESERVED
        parts = [objects.HEADER]
        if key := self._header.pdf_key:
            file.highest = ENCRYPTION
            parts.append(objects.put(file, ENCRYPTION, encryption_dictionary(key)))
        if logo := self._header.brand.logo:
            parts.append(self._put(self._claim_form(NAME[1:]), logo_object(logo)))
        if not self._has_cover:
            blank: Row = (None,) * len(self._cells)
            self._state.pending = [blank] * self._start
            self._state.kinds = bytearray(FREE * self._start)
        return b"".join(parts)

    def add(self, batch: Batch) -> bytes:
        """Adds rows. Returns whole pages. Rows beyond the header's number are counted, but not printed."""
        state = self._state
        out: list[bytes] = []
        expected = max(0, self._header.rows - state.rows)
        if expected:
            self._add_lines(self._visible.of(batch.rows[:expected]), state.rows)
        state.rows += len(batch)
        size = self._pages_at_once * self._slots
        whole = len(state.pending) // size * size
        for at in range(0, whole, size):
            out += self._pages(state.pending[at : at + size], bytes(state.kinds[at : at + size]))
        del state.pending[:whole], state.kinds[:whole]
        return b"".join(out)

    def end(self) -> bytes:
        """Returns the last page, cover, contents, fonts, bookmarks and cross-references.

        Raises RowCountMismatchError.
        """
        state = self._state
        if state.rows != self._header.rows:
            raise RowCountMismatchError(state.rows, self._header.rows)
        out: list[bytes] = []
        if state.pending and state.rows:
            out += self._pages(state.pending, bytes(state.kinds))
        state.pending, state.kinds = [], bytearray()
        if not state.pages:
            form = self._form_of_next()
            out.append(self._frame(self._groups[0], form))
            out += self._page(self._composers[0].nothing(form, self._start), b"", is_first=True, is_last=True)
        pages = PageCounts(self._cover, self._contents, state.pages)
        final = FinalObjects(self._header, self._layout, self._pen, self._composers[0], state, pages, self._put)
        out += final.objects()
        out.append(objects.section(state.file, self._trailer))
        return b"".join(out)

    def _claim(self) -> int:
        return objects.claim(self._state.file)

    def _put(self, number: int, body: bytes) -> bytes:
        """Returns an object, which is encrypted if the file is."""
        if self._cipher is not None:
            body = self._cipher.encrypt(number, body)
        return objects.put(self._state.file, number, body)

    def _claim_form(self, name: bytes) -> int:
        number = self._state.forms[name.decode("ascii")] = self._claim()
        return number

    def _frame(self, group: PageGroup, name: bytes) -> bytes:
        """Returns the form of a group's full pages (`F`), last page (`P`), or first page without a cover (`L`)."""
        header, layout = titled(self._header, group, len(self._groups)), self._layout
        number = self._claim_form(group.form(name))
        if name == b"L":
            return self._put_form(number, self._first_frame(header, group))
        last = self._lines - self._slots * ((self._row_pages or 1) - 1)
        slots = 0 if self._wraps else self._slots if name == b"F" else last
        return self._put_form(number, frame(header, layout, group.cells, slots, self._pen))

    def _first_frame(self, header: ReportHeader, group: PageGroup) -> bytes:
        """Returns the content of a first page, whose first slots are free for the letterhead."""
        layout, pen, slots = self._layout, self._pen, 0 if self._wraps else min(self._slots, self._lines)
        if group.number or self._letterhead is None:
            above = titles(header, layout, pen)
        else:
            above = b"%b%b rg\n%b" % (self._letterhead.content(pen), GRAY, footers(header, layout, pen))
        return first_frame(header, layout, group.cells, self._start, slots, above, pen)

    def _put_form(self, number: int, content: bytes) -> bytes:
        record_codes(self._state.codes, content)
        return self._put(number, objects.stream(form_dictionary(self._layout, RESOURCES), content))

    def _form_of_next(self) -> bytes:
        """Returns the name of the form that the next page shows."""
        row_page = self._state.pages // len(self._groups)
        if not self._has_cover and not row_page:
            return b"L"
        return b"P" if row_page + 1 == self._row_pages else b"F"

    def _add_lines(self, rows: Sequence[Row], first: int) -> None:
        """Adds rows to the pending lines. `first` is the number of the first row in the report, from 0."""
        state = self._state
        lines, kinds = self._plan.lay_out(rows, first, (None,) * len(self._cells))
        if self._wrapper:
            lines, kinds = self._wrapper.spread(lines, kinds, len(state.pending))
        state.pending += lines
        state.kinds += kinds

    def _pages(self, lines: Sequence[Row], kinds: bytes) -> Iterator[bytes]:
        """Yields the pages of these lines, the first of which starts a page."""
        slots = self._slots
        columns = list(zip(*lines, strict=True))
        blocks = [make.blocks(cells) for make, cells in zip(self._columns, columns, strict=True)]
        if missing := self._wide["R"].missing:
            missing_glyphs.count_rows(self._state.without_font, columns, kinds, self._state.rows_shown, missing)
        for at, page_blocks in enumerate(zip(*blocks, strict=True)):
            page_kinds = kinds[at * slots : (at + 1) * slots]
            for group, composer in zip(self._groups, self._composers, strict=True):
                shown = [page_blocks[index] for index in group.indexes]
                form = self._form_of_next()
                if group.form(form).decode() not in self._state.forms:
                    yield self._frame(group, form)
                content = composer.content(group.form(form), shown, page_kinds, self._state.subtotals_shown)
                is_last = group.number + 1 == len(self._groups)
                yield from self._page(content, page_kinds, is_first=not group.number, is_last=is_last)

    def _page(self, content: bytes, kinds: bytes, *, is_first: bool, is_last: bool) -> list[bytes]:
        """Returns a page, its content, completed nodes above it, and a cross-reference section if it is due.

        `is_first` and `is_last` are about the pages that show the same rows.
        """
        state, claim = self._state, self._claim
        file = state.file
        parent = parent_of_next(state.tree, claim)
        number = claim()
        state.first_page = state.first_page or number
        first, end = state.rows_shown, state.rows_shown + rows_on(kinds)
        footer = self._composers[0].footer((first + 1, end), self._before + state.pages + 1, self._total_pages)
        for period in self._plan.periods_starting(first, end) if is_first else ():
            state.period_starts.extend((number, state.pages, find_row(kinds, self._plan.start_of(period) - first)))
        contents, content = claim(), content + footer
        level = objects.PAGE_LEVEL
        if state.pages < MAX_PAGES:
            record_codes(state.codes, content)
            level = objects.ONCE_LEVEL
        out = [
            self._put(number, _PAGE % (parent, RESOURCES, contents)),
            self._put(contents, objects.stream(b"", content, level)),
        ]
        out += [self._put(node, body) for node, body in add_page(state.tree, number, claim)]
        state.pages += 1
        if is_last:
            state.rows_shown = end
            state.subtotals_shown += kinds.count(b"s")
        if len(file.offsets) >= objects.SECTION_OBJECTS:
            out.append(objects.section(file, self._trailer))
        return out
