"""Columns of text, and whatever else stands on the left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import compress, count

from resma.locales import Locale
from resma.writers.pdf.layout import LEADING, PADDING, SIZE, Cell, Layout
from resma.writers.pdf.moments import Moments
from resma.writers.pdf.objects import escaped, number
from resma.writers.pdf.single_byte import MARK, UNIT, encode, metrics, visible
from resma.writers.pdf.wide import WideText

_BACK_TO_REGULAR = b"/R1 %b Tf 0 %b Td(" % (number(SIZE), number(LEADING))
_MOST_KNOWN = 2_000
_LONGEST_KNOWN = 64
"""Together half a megabyte at the most, a column."""
_SAMPLE = 200


class LeftColumn:
    """Cells from the left. Texts that do not fit end in an ellipsis; dates and numbers are made narrower: cut, they
    would say something else."""

    def __init__(self, cell: Cell, layout: Layout, locale: Locale, wide: WideText) -> None:
        self._limit = cell.text_width / SIZE * 1000
        self._units = int(self._limit / UNIT)
        self._slots = layout.slots
        self._start = b"1 0 0 1 %b %b Tm\n(" % (number(cell.left + PADDING), number(layout.first_line))
        self._metrics = metrics("R")
        self._safe = self._units // self._metrics.widest
        self._wide = wide
        kind = cell.column.kind
        self._squeezes = kind not in {"text", "json"}
        self._moments = Moments(locale) if kind in {"date", "timestamp"} else None
        self._number: Callable[[bytes], bytes] | None = None
        if kind in {"integer", "amount"}:
            grouped = cell.column.grouped
            self._number = lambda c: locale.format_number(c.decode("utf-8"), grouped=grouped).encode("utf-8")
        self._known: dict[bytes | None, bytes] = {None: b""}

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """A block a page, each beginning at the column's top."""
        try:
            return self._shown(list(map(self._known.__getitem__, cells)))
        except KeyError:
            pass  # nearly always at the first cell
        texts, blob = joined(cells)
        if self._moments:
            if blocks := self._moment_blocks(self._moments, texts, blob):
                return blocks
            texts = self._moments.each(texts)
            blob = b"\0".join(texts)
        elif self._number:
            texts = [self._number(text) for text in texts]
            blob = b"\0".join(texts)
        shown = self._printable(texts, blob)
        if not self._squeezes:
            self._learn(texts, shown)
        return self._shown(shown)

    def _moment_blocks(self, moments: Moments, cells: Sequence[bytes], blob: bytes) -> list[bytes] | None:
        """All cells of one shape that fits: the whole column is made in one go."""
        shape = moments.shown_shape(cells[0])
        if self._metrics.measure(shape) > self._units or not shape:
            return None
        lines = moments.lines(cells[0], len(cells), blob, b"(", b")'\n")
        if lines is None:
            return None
        start, size = self._start[:-1], (len(shape) + 4) * self._slots
        return [start + lines[at : at + size] for at in range(0, len(lines), size)]

    def _shown(self, cells: Sequence[bytes]) -> list[bytes]:
        # "'" moves to the next line and shows a string (§9.4.3)
        start, slots = self._start, self._slots
        return [b"%b%b)'\n" % (start, b")'(".join(cells[at : at + slots])) for at in range(0, len(cells), slots)]

    def _printable(self, cells: Sequence[bytes], blob: bytes) -> Sequence[bytes]:
        """The cells, which `blob` holds too, as the insides of strings, nothing wider than the column."""
        look = self._metrics.look(blob)
        odd = self._metrics.odd(look)
        if odd:
            blob = encode(blob, odd)
            look = self._metrics.look(blob)
        too_wide = self._too_wide(blob.split(b"\0") if odd else cells, look)
        if not odd and not too_wide:
            return cells
        shown = escaped(blob).split(b"\0")
        for at, cell in too_wide.items():
            shown[at] = self._squeezed(cell) if self._squeezes else escaped(self._metrics.cut(cell, self._units))
        for at in find_cells(blob, MARK):
            shown[at] = self._apart(cells[at])
        return shown

    def _too_wide(self, cells: Sequence[bytes], look: bytes) -> dict[int, bytes]:
        """Which cells do not fit. Only those are measured that are longer than what is known to fit."""
        if max(map(len, cells)) <= self._safe:
            return {}
        fitting = self._metrics.fitting_length(look, self._units)
        long = list(compress(count(), map(fitting.__lt__, map(len, cells))))
        measure, units = self._metrics.measure, self._units
        return {at: cells[at] for at in long if measure(cells[at]) > units}

    def _learn(self, cells: Sequence[bytes], shown: Sequence[bytes]) -> None:
        """Remembers the cells of a column of few values (a status, a currency, a name) and what shows them."""
        if len(self._known) < _MOST_KNOWN and len(set(cells[:_SAMPLE])) * 2 < min(_SAMPLE, len(cells)):
            self._known.update(
                (cell, what) for cell, what in zip(cells, shown, strict=True) if len(cell) <= _LONGEST_KNOWN
            )

    def _apart(self, cell: bytes) -> bytes:
        """A cell beyond Windows-1252: it ends the string, shows itself a line below, comes back and goes on.

        What follows is `)'`, which shows nothing and moves down to where it stands.
        """
        text = self._wide.cut(visible(cell.decode("utf-8")), self._limit)
        return b")Tj T*%b%b" % (self._wide.show(text, SIZE), _BACK_TO_REGULAR)

    def _squeezed(self, cell: bytes) -> bytes:
        """A number or date that is too wide, made narrower (Tz), set apart in the same way."""
        share = 100 * self._units / max(1, self._metrics.measure(cell))
        return b")Tj T* %.3f Tz(%b)Tj 100 Tz%b" % (share, escaped(cell), _BACK_TO_REGULAR)


def joined(cells: Sequence[bytes | None]) -> tuple[Sequence[bytes], bytes]:
    """The cells, NULL as nothing, and all of them between zero bytes. The join also tells whether there is a NULL."""
    try:
        return cells, b"\0".join(cells)  # type: ignore[arg-type,return-value]  # raises at the first None
    except TypeError:
        texts = [cell or b"" for cell in cells]
        return texts, b"\0".join(texts)


def find_cells(blob: bytes, mark: bytes) -> Iterator[int]:
    """Which of the cells in `blob` hold the mark: the few of them are found without a look at the others."""
    cell, seen, at = 0, 0, blob.find(mark)
    while at >= 0:
        cell += blob.count(b"\0", seen, at)
        yield cell
        seen = blob.find(b"\0", at)
        at = blob.find(mark, seen) if seen >= 0 else -1
