"""Where a line of text may end: Unicode line breaking (UAX #14) and grapheme clusters (UAX #29), by a library.

Thai, Lao, Khmer and Burmese put no spaces between words. Without their dictionaries, their lines end where UAX #14 lets
every script's lines end (at spaces and punctuation) or, where that is too wide, between clusters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

SOFT_HYPHEN = "\xad"
HYPHEN = "-"


def clusters(text: str) -> list[str]:
    """The text in extended grapheme clusters, which people see as one character each."""
    import unicode_segmentation_rs as segmentation  # noqa: PLC0415  # 10 ms, for reports that need it

    found: list[str] = segmentation.graphemes(text, is_extended=True)
    return found


def units(text: str) -> list[str]:
    """The text in parts after which a line may end, each with the spaces behind it."""
    import unicode_segmentation_rs as segmentation  # noqa: PLC0415  # as above

    found: list[str] = segmentation.line_break_units(text)
    return found


def ends_of(parts: Sequence[str], room: float, measure: Callable[[str], float]) -> list[float]:
    """Where each character of a text ends, from the text's start. `parts` are its `units`.

    Characters that must stay together end together: those of a cluster, and of a part that fits on a line. So a part is
    measured as a whole, as the widths of letters that join or stack do not add up.
    """
    ends: list[float] = []
    at = 0.0
    for part in parts:
        word = part.rstrip(" ")
        width = measure(word)
        pieces = [word] if width <= room else clusters(word)
        for piece in pieces:
            at += width if len(pieces) == 1 else measure(piece)
            ends += [at] * len(piece)
        for space in part[len(word) :]:
            at += measure(space)
            ends.append(at)
    return ends


def break_lines(text: str, parts: Sequence[str], ends: Sequence[float], room: float, hyphen: float) -> Iterator[str]:
    """The lines of a text, no wider than `room` unless a single cluster is.

    `ends` says where each character ends. `hyphen` is the width of what a soft hyphen becomes at a line's end.
    """
    part_ends = list(accumulate(map(len, parts)))
    at = 0
    while at < len(text):
        start = ends[at - 1] if at else 0
        fitting = bisect_right(ends, start + room)
        reach = fitting
        while text[reach : reach + 1] == " ":
            reach += 1
        last = bisect_right(part_ends, reach) - 1
        while last >= 0 and _lacks_room(text, ends, part_ends[last], start + room - hyphen):
            last -= 1
        stop = part_ends[last] if last >= 0 else 0
        if stop <= at:  # no part ends on this line
            stop = fitting if fitting > at else bisect_right(ends, ends[at])
        line, at = text[at:stop].rstrip(" "), stop
        shows_hyphen = line.endswith(SOFT_HYPHEN) and at < len(text)
        yield line[:-1] + HYPHEN if shows_hyphen and ends[stop - 1] + hyphen <= start + room else line


def _lacks_room(text: str, ends: Sequence[float], end: int, limit: float) -> bool:
    """Whether a line that ends here, at a soft hyphen, has no room to show it."""
    return text[end - 1] == SOFT_HYPHEN and end < len(text) and ends[end - 1] > limit
