"""Columns of text, and whatever else stands on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resma.locales import Locale
from resma.writers.pdf.layout import LEADING, PADDING, SIZE, Cell, Layout
from resma.writers.pdf.moments import Moments
from resma.writers.pdf.objects import escaped, number
from resma.writers.pdf.single_byte import MARK, UNIT, encode, metrics, visible
from resma.writers.pdf.wide import WideText

_BACK_TO_REGULAR = b"/R1 %b Tf 0 %b Td(" % (number(SIZE), number(LEADING))
_MOST_KNOWN = 2_000
_LONGEST_KNOWN = 64
"""Together 256 KB at the most, a column."""


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
        self._known: set[bytes] = set()

    def blocks(self, cells: Sequence[bytes | None]) -> list[bytes]:
        """A block a page, each beginning at the column's top."""
        if self._known.issuperset(cells):
            return self._shown(cells)  # type: ignore[arg-type]  # None is never among the known
        texts = without_nulls(cells)
        if self._moments:
            if blocks := self._moment_blocks(self._moments, texts):
                return blocks
            texts = self._moments.each(texts)
        elif self._number:
            texts = [self._number(text) for text in texts]
        return self._shown(self._printable(texts))

    def _moment_blocks(self, moments: Moments, cells: Sequence[bytes]) -> list[bytes] | None:
        """All cells of one shape that fits: the whole column is made in one go."""
        shape = moments.shown_shape(cells[0])
        if self._metrics.measure(shape) > self._units or not shape:
            return None
        lines = moments.lines(cells, b"(", b")'\n")
        if lines is None:
            return None
        start, size = self._start[:-1], (len(shape) + 4) * self._slots
        return [start + lines[at : at + size] for at in range(0, len(lines), size)]

    def _shown(self, cells: Sequence[bytes]) -> list[bytes]:
        # "'" moves to the next line and shows a string (§9.4.3)
        start, slots = self._start, self._slots
        return [b"%b%b)'\n" % (start, b")'(".join(cells[at : at + slots])) for at in range(0, len(cells), slots)]

    def _printable(self, cells: Sequence[bytes]) -> Sequence[bytes]:
        """The cells as the insides of strings, nothing wider than the column."""
        blob = b"\0".join(cells)
        look = self._metrics.look(blob)
        odd = self._metrics.odd(look)
        if not odd and self._all_fit(cells, look):
            if not self._squeezes:
                self._learn(cells)
            return cells
        encoded = encode(blob, odd) if odd else blob
        shown = encoded.split(b"\0")
        apart: dict[int, bytes] = {}
        if MARK in encoded:
            apart = {at: self._apart(cells[at]) for at, cell in enumerate(shown) if MARK in cell}
        if not odd or not self._all_fit(shown, self._metrics.look(encoded)):
            for at, cell in enumerate(shown):
                if len(cell) > self._safe and at not in apart and self._metrics.measure(cell) > self._units:
                    if self._squeezes:
                        apart[at] = self._squeezed(cell)
                    else:
                        shown[at] = self._metrics.cut(cell, self._units)
        if odd:
            shown = escaped(b"\0".join(shown)).split(b"\0")
        for at, content in apart.items():
            shown[at] = content
        return shown

    def _all_fit(self, cells: Sequence[bytes], look: bytes) -> bool:
        longest = max(map(len, cells))
        return longest <= self._safe or self._metrics.all_within(look, longest, self._units)

    def _learn(self, cells: Sequence[bytes]) -> None:
        """Remembers plain cells that fit: a column of few values (a status, a currency) is then known at a glance."""
        some = set(cells[:200])
        if len(some) < 100 and len(self._known) < _MOST_KNOWN:
            self._known.update(cell for cell in some if len(cell) <= _LONGEST_KNOWN)

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


def without_nulls(cells: Sequence[bytes | None]) -> Sequence[bytes]:
    """NULL shows as nothing."""
    if None in cells:
        return [cell or b"" for cell in cells]
    return cells  # type: ignore[return-value]
