"""Objects that are written after the last page of rows: cover, contents, bookmarks, fonts and metadata."""

from __future__ import annotations

import re
from collections.abc import Callable

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.writers.pdf.fonts.embed import font_resources
from resma.writers.pdf.front.bookmarks import Bookmark, outline_objects, period_bookmarks
from resma.writers.pdf.front.contents import Contents, PeriodPosition
from resma.writers.pdf.front.cover import PageCounts, draw_cover
from resma.writers.pdf.layout import LEADING, Layout
from resma.writers.pdf.state import PdfState
from resma.writers.pdf.syntax import metadata, objects, page_tree
from resma.writers.pdf.syntax.reserved_numbers import (
    CATALOG,
    COUNT,
    INFORMATION,
    INTENT,
    METADATA,
    OUTLINES,
    PAGES,
    RESOURCES,
)
from resma.writers.pdf.table.page import PageComposer
from resma.writers.pdf.table.page_template import form_dictionary
from resma.writers.pdf.text.pen import Pen
from resma.writers.pdf.text.used_codes import ALL_CODES, MAX_PAGES, completed, record_codes


class FinalObjects:
    """Creates the last objects of a file, each after the objects whose numbers or content it needs."""

    def __init__(  # noqa: PLR0913, PLR0917  # everything that the pages are made from
        self,
        header: ReportHeader,
        layout: Layout,
        pen: Pen,
        composer: PageComposer,
        state: PdfState,
        pages: PageCounts,
        put: Callable[[int, bytes], bytes],
    ) -> None:
        """`put` returns an object by its number and body, and records its offset."""
        self._header = header
        self._layout = layout
        self._pen = pen
        self._composer = composer
        self._state = state
        self._pages = pages
        self._put_object = put
        self._out: list[bytes] = []

    def objects(self) -> list[bytes]:
        """Returns all last objects except the cross-references."""
        kids = self._put_cover() if self._pages.cover else []
        language = self._header.locale.language
        positions = self._period_positions()
        bookmarks = [Bookmark(translate("Summary", language), b"[%d 0 R/Fit]" % page) for page in kids[:1]]
        if self._pages.contents:
            nodes = page_tree.TreeState()
            first = self._put_contents(nodes, positions)
            kids.append(self._put_top(nodes))
            bookmarks.append(Bookmark(translate("Contents", language), b"[%d 0 R/Fit]" % first))
        kids.append(self._put_top(self._state.tree))
        bookmarks += self._period_bookmarks(positions)
        for number, body in outline_objects(OUTLINES, bookmarks, self._claim):
            self._put(number, body)
        self._put_shared(kids)
        return self._out

    def _claim(self) -> int:
        return objects.claim(self._state.file)

    def _put(self, number: int, body: bytes) -> None:
        self._out.append(self._put_object(number, body))

    def _add(self, body: bytes) -> int:
        number = self._claim()
        self._put(number, body)
        return number

    def _content(self, content: bytes, entries: bytes = b"") -> bytes:
        """Returns a content stream, whose codes are recorded."""
        record_codes(self._state.codes, content)
        return objects.stream(entries, content)

    def _put_cover(self) -> list[int]:
        """Writes the pages of the cover. Returns their object numbers."""
        cover, overlays = draw_cover(self._header, self._layout, self._pages, self._pen)
        bodies, pages = cover.numbered(PAGES, self._claim)
        overlay_of = dict(zip(pages, overlays, strict=False))
        for number, body in bodies:
            self._put(number, self._add_overlay(body, overlay_of[number]) if overlay_of.get(number) else body)
        return pages

    def _add_overlay(self, page: bytes, content: bytes) -> bytes:
        """Adds a form with its own resources on top of a page by reportlab. Returns the page."""
        form = self._add(self._content(content, form_dictionary(self._layout, RESOURCES)))
        last = self._add(objects.stream(b"", b"/Over Do"))
        page = re.sub(rb"/Contents (\d+ 0 R)", rb"/Contents [\1 %d 0 R]" % last, page, count=1)
        return re.sub(rb"/Resources\s*<<", rb"/Resources <</XObject<</Over %d 0 R>>" % form, page, count=1)

    def _period_positions(self) -> list[PeriodPosition]:
        """Returns the position of the first row of each period."""
        starts = self._state.period_starts
        before = self._pages.cover + self._pages.contents
        positions = []
        for at in range(0, len(starts), 3):
            page_object, page, slot = starts[at : at + 3]
            top = objects.number(self._layout.top_of(slot) + LEADING)
            positions.append(PeriodPosition(before + page + 1, b"%d 0 R/XYZ null %b null" % (page_object, top)))
        return positions

    def _put_contents(self, nodes: page_tree.TreeState, positions: list[PeriodPosition]) -> int:
        """Writes the pages of the table of contents. Returns the object number of the first."""
        first = 0
        pages = Contents(self._header, self._layout, self._pen).pages(positions)
        for index, (content, links) in enumerate(pages, self._pages.cover + 1):
            parent, page, stream = page_tree.parent_of_next(nodes, self._claim), self._claim(), self._claim()
            first = first or page
            body = b"<</Type/Page/Parent %d 0 R/Resources %d 0 R/Contents %d 0 R/Annots[%b]>>"
            self._put(page, body % (parent, RESOURCES, stream, links))
            footer = self._composer.footer((1, 0), index, self._pages.total)
            self._put(stream, self._content(content + footer))
            for number, node in page_tree.add_page(nodes, page, self._claim):
                self._put(number, node)
        return first

    def _put_top(self, nodes: page_tree.TreeState) -> int:
        open_nodes, top = page_tree.close(nodes, PAGES, self._claim)
        for number, body in open_nodes:
            self._put(number, body)
        return top

    def _period_bookmarks(self, positions: list[PeriodPosition]) -> list[Bookmark]:
        if not positions:
            rows = translate("Rows", self._header.locale.language)
            return [Bookmark(rows, b"[%d 0 R/Fit]" % self._state.first_page)]
        labels = [period.label for period in self._header.periods]
        pairs = [(label, b"[%b]" % position.destination) for label, position in zip(labels, positions, strict=True)]
        return period_bookmarks(pairs, self._header.locale)

    def _put_shared(self, kids: list[int]) -> None:
        forms = b"".join(b"/%b %d 0 R" % (name.encode(), number) for name, number in self._state.forms.items())
        if self._composer.wraps:
            forms += b"/Y %d 0 R" % COUNT
            entries = b"/Type/XObject/Subtype/Form/BBox[-10 -10 500 20]/Resources %d 0 R" % RESOURCES
            self._put(COUNT, self._content(self._composer.count_form(self._pages.total), entries))
        else:
            self._put(COUNT, b"null")  # poppler reports longer files as damaged if an object number is not used
        self._put(INTENT, metadata.output_intent(self._add))
        is_small = self._pages.table <= MAX_PAGES
        codes = {letter: completed(some) if is_small else ALL_CODES for letter, some in self._state.codes.items()}
        fonts = font_resources(self._state.wide, codes, self._add)
        self._put(RESOURCES, b"<</Font<<%b>>/XObject<<%b>>>>" % (fonts, forms))
        box = b"0 0 %b %b" % (objects.number(self._layout.width), objects.number(self._layout.height))
        references = b" ".join(map(objects.reference, kids))
        self._put(PAGES, b"<</Type/Pages/Count %d/Kids[%b]/MediaBox[%b]>>" % (self._pages.total, references, box))
        self._put(METADATA, metadata.xmp(self._header))
        self._put(INFORMATION, metadata.information(self._header))
        self._put(CATALOG, metadata.catalog(self._header))
