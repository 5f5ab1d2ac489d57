"""Bookmarks: summary, contents and periods; many periods are grouped by year and month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resma.i18n.locales import Locale
from resma.writers.pdf.syntax.objects import text_string
from resma.writers.pdf.text.labels import name_period

MAX_FLAT = 24
"""Maximum number of periods that are not grouped."""


@dataclass(slots=True)
class Bookmark:
    """One bookmark and its children."""

    title: str
    destination: bytes
    children: list[Bookmark] = field(default_factory=list)


def period_bookmarks(periods: Sequence[tuple[str | None, bytes]], locale: Locale) -> list[Bookmark]:
    """Returns bookmarks of periods, given as pairs of label and destination in the order of the file."""
    if len(periods) <= MAX_FLAT:
        return [Bookmark(name_period(label, locale), destination) for label, destination in periods]
    top = Bookmark("", b"")
    for label, destination in periods:
        parts = label.split("-") if label else []
        siblings = top.children
        for depth in range(1, len(parts)):
            title = name_period("-".join(parts[:depth]), locale)
            if not siblings or siblings[-1].title != title:
                siblings.append(Bookmark(title, destination))
            siblings = siblings[-1].children
        siblings.append(Bookmark(name_period(label, locale), destination))
    return top.children


def outline_objects(root: int, tree: Sequence[Bookmark], claim: Callable[[], int]) -> list[tuple[int, bytes]]:
    """Returns the object numbers and bodies of the outline (§12.3.3). Closed bookmarks have negative counts."""
    objects: list[tuple[int, bytes]] = []

    def level(parent: int, siblings: Sequence[Bookmark]) -> tuple[int, int]:
        numbers = [claim() for _ in siblings]
        for i, (own, entry) in enumerate(zip(numbers, siblings, strict=True)):
            links = b"/Parent %d 0 R" % parent
            if i:
                links += b"/Prev %d 0 R" % numbers[i - 1]
            if i + 1 < len(numbers):
                links += b"/Next %d 0 R" % numbers[i + 1]
            if entry.children:
                first, last = level(own, entry.children)
                links += b"/First %d 0 R/Last %d 0 R/Count -%d" % (first, last, len(entry.children))
            objects.append((own, b"<</Title%b%b/Dest%b>>" % (text_string(entry.title), links, entry.destination)))
        return numbers[0], numbers[-1]

    first, last = level(root, tree)
    body = b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(tree))
    return [(root, body), *objects]
