"""Columns of text, and whatever else stands on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby

from resma.i18n.locales import Locale
from resma.writers.pdf.layout import LEADING, SIZE, Cell, Layout
from resma.writers.pdf.syntax.objects import escaped, number
from resma.writers.pdf.table.timestamps import USUAL, TimestampCells
from resma.writers.pdf.text.cp1252 import DIGITS_ALIKE, MARK, UNIT, encode, find_cells, metrics, visible
from resma.writers.pdf.text.unicode import WideText

_BACK_TO_REGULAR = b"/R1 %b Tf 0 %b Td(" % (number(SIZE), number(LEADING))
_MAX_KNOWN = 2_000
_LONGEST_KNOWN = 64
"""Together half a megabyte at the most, a column."""
_SAMPLE = 200


class LeftColumn:
    """Cells from the left. Texts that do not fit end in an ellipsis; dates and numbers are made narrower: cut, they
    would say something else."""

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        kind = cell.column.kind
        self._limit = cell.text_width / SIZE * 1000
        self._units = int(self._limit / UNIT)
        self._slots = layout.slots
        self._metrics = metrics("R")
        self._wide = wide
        self._squeezes = kind not in {"text", "json"}
        self._timestamps: TimestampCells | None = None
        self._scale = b"100"
        """By how much all of the column is narrowed (Tz), in per cent."""
        if kind in {"date", "timestamp"}:
            self._timestamps = self._fit_moments(locale, USUAL[: 10 if kind == "date" else None])
        place = b"%b %b Tm" % (number(cell.left + cell.padding), number(layout.first_line))
        self._start, self._end = b"1 0 0 1 %b\n(" % place, b")'\n"
        if self._scale != b"100":
            self._start, self._end = b"%b Tz %b" % (self._scale, self._start), b")'\n100 Tz\n"
        self._number: Callable[[bytes], bytes] | None = None
        if kind in {"integer", "amount"}:
            grouped = cell.column.grouped
            self._number = lambda c: locale.format_number(c.decode("utf-8"), grouped=grouped).encode("utf-8")
        self._known: dict[bytes | None, bytes] = {None: b""}
        self._plain: set[bytes | None] = set()
        """Of these, the cells that are shown as they are."""

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """A block a page, each beginning at the column's top."""
        # A status, a currency: nearly always known and plain, and seen to be so in half the time of a look-up.
        if self._plain.issuperset(cells):
            return self._shown(cells)  # type: ignore[arg-type]  # there is no None among them
        try:
            return self._shown(list(map(self._known.__getitem__, cells)))
        except KeyError:
            pass  # nearly always at the first cell
        if self._timestamps:
            texts, blob = joined(cells)
            if blocks := self._moment_blocks(self._timestamps, texts, blob):
                return blocks
            return self._text_blocks(self._timestamps.each(texts))
        if self._number:
            return self._text_blocks([self._number(text or b"") for text in cells])
        return self._alike_blocks(cells) or self._text_blocks(cells)

    def _fit_moments(self, locale: Locale, usual: bytes) -> TimestampCells:
        """Fractions of seconds go first where there is no room for them, and then all is made narrower."""
        width = self._metrics.measure(usual)
        if width > self._units:
            self._scale = number(100 * self._units / width)
            self._units = width
        return TimestampCells(locale, fractions=self._metrics.measure(usual + b".000000") <= self._units)

    def _moment_blocks(self, timestamps: TimestampCells, cells: Sequence[bytes], blob: bytes) -> list[bytes] | None:
        """All cells of one shape that fits: the whole column is made in one go."""
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
        # "'" moves to the next line and shows a string (§9.4.3)
        start, slots = self._start, self._slots
        return [
            b"%b%b%b" % (start, b")'(".join(cells[at : at + slots]), self._end) for at in range(0, len(cells), slots)
        ]

    def _alike_blocks(self, cells: Sequence[bytes | None]) -> list[bytes] | None:
        """Texts that differ in digits alone, as numbers of accounts do, fit or do not fit together."""
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
        """Blocks of cells that are text by now, nothing in them wider than the column."""
        texts, pages = joined_pages(cells, self._slots)
        blob = b"\0\1".join(pages)
        look = self._metrics.look(blob)
        odd = self._metrics.odd(look)
        patches: dict[int, bytes] = {}
        if odd:
            blob = encode(blob, odd)
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
        # "'" moves to the next line and shows a string (§9.4.3). What is patched in may hold zero bytes of its own.
        shown = [
            b")'(".join(lines[at]) if at in lines else page.replace(b"\0", b")'(") for at, page in enumerate(pages)
        ]
        return [b"%b%b%b" % (self._start, page, self._end) for page in shown]

    def _too_wide(self, cells: Sequence[bytes], look: bytes) -> set[int]:
        """Which cells may not fit."""
        measure, units = self._metrics.measure_utf_8, self._units
        return {at for at in self._metrics.suspects(cells, look, units) if measure(cells[at]) > units}

    def _has_few_values(self, cells: Sequence[bytes]) -> bool:
        """Whether it is worth while to remember what shows them: a status, a currency, a name."""
        if self._squeezes or len(self._known) >= _MAX_KNOWN:
            return False
        return len(set(cells[:_SAMPLE])) * 2 < min(_SAMPLE, len(cells))

    def _learn(self, cells: Sequence[bytes], pages: Sequence[Sequence[bytes]]) -> None:
        pairs = zip(cells, chain.from_iterable(pages), strict=True)
        learnt: dict[bytes | None, bytes] = {cell: shown for cell, shown in pairs if len(cell) <= _LONGEST_KNOWN}
        self._known.update(learnt)
        self._plain.update(cell for cell, shown in learnt.items() if cell == shown)

    def _narrowed(self, cell: bytes) -> bytes:
        """What shows a cell of Windows-1252 that is too wide."""
        data = visible(cell.decode("utf-8")).encode("cp1252")
        if self._metrics.measure(data) <= self._units:
            return escaped(data)
        return self._squeezed(data) if self._squeezes else escaped(self._metrics.cut(data, self._units))

    def _apart(self, cell: bytes) -> bytes:
        """A cell beyond Windows-1252: it ends the string, shows itself a line below, comes back and goes on.

        What follows is `)'`, which shows nothing and moves down to where it stands.
        """
        text = self._wide.cut(visible(cell.decode("utf-8")), self._limit)
        return b")Tj T*%b%b" % (self._wide.show(text, SIZE), _BACK_TO_REGULAR)

    def _squeezed(self, cell: bytes) -> bytes:
        """A number or date that is too wide, made narrower (Tz), set apart in the same way."""
        share = float(self._scale) * self._units / max(1, self._metrics.measure(cell))
        return b")Tj T* %.3f Tz(%b)Tj %b Tz%b" % (share, escaped(cell), self._scale, _BACK_TO_REGULAR)


def _is_plain(shape: bytes) -> bool:
    """Whether a text stands for itself in a string of a content stream."""
    return shape.isascii() and shape.decode("ascii").isprintable() and escaped(shape) == shape


def joined(cells: Sequence[bytes | None]) -> tuple[Sequence[bytes], bytes]:
    """The cells, NULL as nothing, and all of them between zero bytes. The join also tells whether there is a NULL."""
    try:
        return cells, b"\0".join(cells)  # type: ignore[arg-type,return-value]  # raises at the first None
    except TypeError:
        texts = [cell or b"" for cell in cells]
        return texts, b"\0".join(texts)


def joined_pages(cells: Sequence[bytes | None], slots: int) -> tuple[Sequence[bytes], list[bytes]]:
    """The cells, NULL as nothing, and the same by pages, each with its cells between zero bytes.

    The pages hold no byte 1, which is to stand between them: in a text, it is shown as any other control character.
    """
    starts = range(0, len(cells), slots)
    try:
        pages = [b"\0".join(cells[at : at + slots]) for at in starts]  # type: ignore[arg-type]  # raises at a None
        texts: Sequence[bytes] = cells  # type: ignore[assignment]
    except TypeError:
        texts = [cell or b"" for cell in cells]
        pages = [b"\0".join(texts[at : at + slots]) for at in starts]
    return texts, [page.replace(b"\1", b"\2") for page in pages]
