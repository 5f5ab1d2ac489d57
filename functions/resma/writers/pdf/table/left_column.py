"""Left-aligned columns: strings, and other kinds with this alignment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby

from resma.i18n.locales import Locale
from resma.report.kinds import DATED, UNBOUNDED
from resma.writers.pdf.layout import LEADING, SIZE, Cell, Layout
from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.table.timestamps import USUAL, TimestampCells
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, MARK, UNIT, encode, find_cells, metrics, visible
from resma.writers.pdf.text.unicode import WideText

_BACK_TO_REGULAR = b"/R1 %b Tf 0 %b Td(" % (number(SIZE), number(LEADING))
_MAX_KNOWN = 2_000
_MAX_KNOWN_BYTES = 64
"""Limits of the cache of a column: number and length of cells, at most half a megabyte."""
_SAMPLE = 200


class LeftColumn:
    """A left-aligned column.

    Strings that do not fit are cut and ended by an ellipsis. Dates and numbers are condensed, because a part of them
    would be misleading.
    """

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        kind = cell.column.kind
        self._limit = cell.text_width / SIZE * 1000
        self._units = int(self._limit / UNIT)
        self._slots = layout.slots
        self._metrics = metrics("R")
        self._wide = wide
        self._squeezes = kind not in UNBOUNDED
        self._timestamps: TimestampCells | None = None
        self._scale = b"100"
        """Horizontal scaling (Tz) of the whole column, in percent."""
        if kind in DATED:
            self._timestamps = self._fit_timestamps(locale, USUAL[: 10 if kind == "date" else None])
        position = b"%b %b Tm" % (number(cell.left + cell.padding), number(layout.first_line))
        self._start, self._end = b"1 0 0 1 %b\n(" % position, b")'\n"
        if self._scale != b"100":
            self._start, self._end = b"%b Tz %b" % (self._scale, self._start), b")'\n100 Tz\n"
        self._number: Callable[[bytes], bytes] | None = None
        if kind in {"integer", "amount"}:
            grouped = cell.column.grouped
            self._number = lambda c: locale.format_number(c.decode("utf-8"), grouped=grouped).encode("utf-8")
        self._known: dict[bytes | None, bytes] = {None: b""}
        self._plain: set[bytes | None] = set()
        """Known cells that are shown unchanged."""

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """Returns the page content of each page, which starts at the top of the column."""
        # Statuses and currencies are nearly always known and plain. This check takes half the time of a lookup.
        if self._plain.issuperset(cells):
            return self._shown(cells)  # type: ignore[arg-type]  # `_plain` does not contain None
        try:
            return self._shown(list(map(self._known.__getitem__, cells)))
        except KeyError:
            pass  # an unknown cell; it is nearly always the first
        if self._timestamps:
            texts, blob = joined(cells)
            if blocks := self._timestamp_blocks(self._timestamps, texts, blob):
                return blocks
            return self._text_blocks(self._timestamps.each(texts))
        if self._number:
            return self._text_blocks([self._number(text or b"") for text in cells])
        return self._alike_blocks(cells) or self._text_blocks(cells)

    def _fit_timestamps(self, locale: Locale, usual: bytes) -> TimestampCells:
        """Fits timestamps to the column: fractions of seconds are omitted first, then the column is condensed."""
        width = self._metrics.measure(usual)
        if width > self._units:
            self._scale = number(100 * self._units / width)
            self._units = width
        return TimestampCells(locale, fractions=self._metrics.measure(usual + b".000000") <= self._units)

    def _timestamp_blocks(self, timestamps: TimestampCells, cells: Sequence[bytes], blob: bytes) -> list[bytes] | None:
        """Returns the blocks if all cells have one shape that fits: the whole column is encoded at once."""
        shape = timestamps.shown_shape(cells[0])
        if self._metrics.measure(shape) > self._units or not shape:
            return None
        lines = timestamps.lines(cells[0], len(cells), blob, b"(", b")'\n")
        if lines is None:
            return None
        start, size = self._start[:-1], (len(shape) + 4) * self._slots
        end = self._end[3:]
        return [b"%b%b%b" % (start, lines[at : at + size], end) for at in range(0, len(lines), size)]

    def _shown(self, cells: Sequence[bytes]) -> list[bytes]:
        # The operator `'` moves to the next line and shows a string (§9.4.3).
        start, slots = self._start, self._slots
        return [
            b"%b%b%b" % (start, b")'(".join(cells[at : at + slots]), self._end) for at in range(0, len(cells), slots)
        ]

    def _alike_blocks(self, cells: Sequence[bytes | None]) -> list[bytes] | None:
        """Returns the blocks if cells differ only in their digits, like account numbers, and fit.

        All such cells have the same width.
        """
        first, last = cells[0], cells[-1]
        if not first or not last or len(first) != len(last):
            return None
        texts, blob = joined(cells)
        shape = first.translate(DIGITS_ALIKE)
        if len(blob) != (len(shape) + 1) * len(texts) - 1 or not _is_plain(shape):
            return None
        if blob.translate(DIGITS_ALIKE) != ((shape + b"\0") * len(texts))[:-1]:
            return None
        return self._shown(texts) if self._metrics.measure(shape) <= self._units else None

    def _text_blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """Returns the blocks of cells that are already formatted. Cells that are too wide are cut or condensed."""
        texts, pages = joined_pages(cells, self._slots)
        blob = b"\0\1".join(pages)
        look = self._metrics.look(blob)
        special = self._metrics.special(look)
        patches: dict[int, bytes] = {}
        if special:
            blob = encode(blob, special)
            pages = escaped(blob).split(b"\0\1")
            patches = {at: self._apart(texts[at]) for at in find_cells(blob, MARK)}
        for at in self._too_wide(texts, look) - patches.keys():
            patches[at] = self._narrowed(texts[at])
        lines = {}
        for page, some in groupby(sorted(patches), lambda at: at // self._slots):
            lines[page] = pages[page].split(b"\0")
            for at in some:
                lines[page][at % self._slots] = patches[at]
        if self._has_few_values(texts):
            self._learn(texts, [lines.get(page) or pages[page].split(b"\0") for page in range(len(pages))])
        # The operator `'` moves to the next line and shows a string (§9.4.3). Patches may contain zero bytes.
        shown = [
            b")'(".join(lines[at]) if at in lines else page.replace(b"\0", b")'(") for at, page in enumerate(pages)
        ]
        return [b"%b%b%b" % (self._start, page, self._end) for page in shown]

    def _too_wide(self, cells: Sequence[bytes], look: bytes) -> set[int]:
        """Returns the indexes of cells that may not fit."""
        measure, units = self._metrics.measure_utf_8, self._units
        return {at for at in self._metrics.suspects(cells, look, units) if measure(cells[at]) > units}

    def _has_few_values(self, cells: Sequence[bytes]) -> bool:
        """Returns whether the cells have few distinct values, such as statuses or currencies, so that caching helps."""
        if self._squeezes or len(self._known) >= _MAX_KNOWN:
            return False
        return len(set(cells[:_SAMPLE])) * 2 < min(_SAMPLE, len(cells))

    def _learn(self, cells: Sequence[bytes], pages: Sequence[Sequence[bytes]]) -> None:
        pairs = zip(cells, chain.from_iterable(pages), strict=True)
        learned: dict[bytes | None, bytes] = {cell: shown for cell, shown in pairs if len(cell) <= _MAX_KNOWN_BYTES}
        self._known.update(learned)
        self._plain.update(cell for cell, shown in learned.items() if cell == shown)

    def _narrowed(self, cell: bytes) -> bytes:
        """Returns the content of a string for a cell in Windows-1252 that is too wide."""
        data = visible(cell.decode("utf-8")).encode("cp1252")
        if self._metrics.measure(data) <= self._units:
            return escaped(data)
        return self._squeezed(data) if self._squeezes else escaped(self._metrics.cut(data, self._units))

    def _apart(self, cell: bytes) -> bytes:
        """Returns the content for a cell with characters beyond Windows-1252.

        It ends the open string, shows the cell on the next line, moves back up and starts an empty string. The operator
        `'` that follows then moves to the line of the cell.
        """
        text = self._wide.cut(visible(cell.decode("utf-8")), self._limit)
        return b")Tj T*%b%b" % (self._wide.show(text, SIZE), _BACK_TO_REGULAR)

    def _squeezed(self, cell: bytes) -> bytes:
        """Returns the content for a number or date that is too wide: condensed (Tz), and shown like in `_apart`."""
        share = float(self._scale) * self._units / max(1, self._metrics.measure(cell))
        return b")Tj T* %.3f Tz(%b)Tj %b Tz%b" % (share, escaped(cell), self._scale, _BACK_TO_REGULAR)


def _is_plain(shape: bytes) -> bool:
    """Returns whether a string needs no escapes in a content stream."""
    return shape.isascii() and shape.decode("ascii").isprintable() and escaped(shape) == shape


def joined(cells: Sequence[bytes | None]) -> tuple[Sequence[bytes], bytes]:
    """Returns the cells with NULL as an empty string, and all of them joined by zero bytes."""
    try:
        return cells, b"\0".join(cells)  # type: ignore[arg-type,return-value]  # raises at the first None
    except TypeError:
        texts = [cell or b"" for cell in cells]
        return texts, b"\0".join(texts)


def joined_pages(cells: Sequence[bytes | None], slots: int) -> tuple[Sequence[bytes], list[bytes]]:
    """Returns the cells with NULL as an empty string, and the cells of each page joined by zero bytes.

    In the pages, the byte 1 is replaced by another control character, because it is used as the separator of pages.
    """
    starts = range(0, len(cells), slots)
    try:
        pages = [b"\0".join(cells[at : at + slots]) for at in starts]  # type: ignore[arg-type]  # raises at a None
        texts: Sequence[bytes] = cells  # type: ignore[assignment]
    except TypeError:
        texts = [cell or b"" for cell in cells]
        pages = [b"\0".join(texts[at : at + slots]) for at in starts]
    return texts, [page.replace(b"\1", b"\2") for page in pages]
