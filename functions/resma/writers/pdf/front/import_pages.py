"""Imports pages of a small PDF by reportlab into another PDF, with new object numbers.

reportlab writes simple PDF: one cross-reference table, no object streams, ASCII text. This module supports only such
files. A general library (pypdf) would take a third of a second and 12 MB more without any benefit.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_REFERENCE = re.compile(rb"\b(\d+) 0 R\b")
_KIDS = re.compile(rb"/Kids\s*\[([^\]]*)\]")
_PARENT = re.compile(rb"/Parent\s+\d+ 0 R")


class ImportedPages:
    """Objects of a PDF, and the object numbers of its pages in order."""

    def __init__(self, pdf: bytes) -> None:
        self._objects = _objects(pdf)
        roots = [body for body in self._objects.values() if b"/Type /Pages" in _dictionary(body)]
        kids = _KIDS.search(roots[0])
        self.pages = [int(n) for n in _REFERENCE.findall(kids[1])] if kids else []

    def numbered(self, parent: int, claim: Callable[[], int]) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Returns the new numbers and bodies of all objects to write, and the new numbers of the pages.

        The parent of the pages becomes `parent`. Objects to which no page refers are omitted.
        """
        new_numbers: dict[int, int] = {}
        pending = list(self.pages)
        for number in pending:  # the list grows during the iteration
            if number in new_numbers:
                continue
            new_numbers[number] = claim()
            pending += [int(n) for n in _REFERENCE.findall(_PARENT.sub(b"", _dictionary(self._objects[number])))]
        bodies = [(new, _renumbered(self._objects[old], new_numbers, parent)) for old, new in new_numbers.items()]
        return bodies, [new_numbers[number] for number in self.pages]


def _objects(pdf: bytes) -> dict[int, bytes]:
    """Returns the bodies of all objects by number, from the cross-reference table (ISO 32000-1 §7.5.4)."""
    start = int(pdf[pdf.rindex(b"startxref") + 9 :].split()[0])
    lines = pdf[start : pdf.index(b"trailer", start)].splitlines()
    bodies = {}
    for number, line in enumerate(lines[2:]):
        offset, generation, kind = line.split()
        if kind == b"n" and int(generation) == 0:
            bodies[number] = _body(pdf, int(offset))
    return bodies


def _body(pdf: bytes, offset: int) -> bytes:
    begin = pdf.index(b"obj", offset) + 3
    end = pdf.index(b"endobj", begin)
    data = pdf.index(b"stream", begin) if b"stream" in pdf[begin:end] else None
    if data is not None:  # the data may contain "endobj" by chance, so its length is used
        length = re.search(rb"/Length (\d+)", pdf[begin:data])
        if length:
            end = pdf.index(b"endobj", data + int(length[1]))
    return pdf[begin:end].strip()


def _dictionary(body: bytes) -> bytes:
    return body.partition(b"stream\n")[0] if b"stream" in body else body


def _renumbered(body: bytes, numbers: dict[int, int], parent: int) -> bytes:
    dictionary = _dictionary(body)
    rest = body[len(dictionary) :]
    marked = _PARENT.sub(b"/Parent -1", dictionary)
    moved = _REFERENCE.sub(lambda m: b"%d 0 R" % numbers[int(m[1])], marked)
    if rest:
        # reportlab writes no line end before `endstream`, but PDF/A requires one (ISO 19005-2 6.1.7.1).
        rest = rest.removesuffix(b"endstream") + b"\nendstream"
    return moved.replace(b"/Parent -1", b"/Parent %d 0 R" % parent) + rest
