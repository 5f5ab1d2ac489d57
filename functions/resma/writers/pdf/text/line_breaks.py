"""Line breaks: Unicode line breaking (UAX #14) and grapheme clusters (UAX #29), by a library.

Thai, Lao, Khmer and Burmese have no spaces between words. Without dictionaries of these languages, lines break where
UAX #14 allows it for all scripts (at spaces and punctuation) or, if that would be too wide, between clusters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

SOFT_HYPHEN = "\xad"
HYPHEN = "-"


def clusters(text: str) -> list[str]:
    """Splits text into extended grapheme clusters, each of which people perceive as one character."""
    import unicode_segmentation_rs as segmentation  # noqa: PLC0415  # takes 10 ms, and few reports need it

    graphemes: list[str] = segmentation.graphemes(text, is_extended=True)
    return graphemes


def units(text: str) -> list[str]:
    """Splits text into parts after which a line may end. Each part includes the spaces after it."""
    import unicode_segmentation_rs as segmentation  # noqa: PLC0415  # takes 10 ms, and few reports need it

    parts: list[str] = segmentation.line_break_units(text)
    return parts


def ends_of(parts: Sequence[str], max_width: float, measure: Callable[[str], float]) -> list[float]:
    """Returns the end of each character, as a distance from the text's start. `parts` are the text's `units`.

    Characters that must not be separated have the same end: those of a cluster, and those of a part that fits on a
    line. A part is measured as a whole, because the widths of joined or stacked letters do not add up.
    """
    ends: list[float] = []
    at = 0.0
    for part in parts:
        word = part.rstrip(" ")
        width = measure(word)
        pieces = [word] if width <= max_width else clusters(word)
        for piece in pieces:
            at += width if len(pieces) == 1 else measure(piece)
            ends += [at] * len(piece)
        for space in part[len(word) :]:
            at += measure(space)
            ends.append(at)
    return ends


def break_lines(
    text: str, parts: Sequence[str], ends: Sequence[float], max_width: float, hyphen: float
) -> Iterator[str]:
    """Splits text into lines. A line is wider than `max_width` only if it is a single cluster.

    `parts` are the text's `units`, and `ends` the result of `ends_of`. `hyphen` is the width of the hyphen that
    replaces a soft hyphen at the end of a line.
    """
    part_ends = list(accumulate(map(len, parts)))
    at = 0
    while at < len(text):
        start = ends[at - 1] if at else 0
        fitting = bisect_right(ends, start + max_width)
        reach = fitting
        while text[reach : reach + 1] == " ":
            reach += 1
        last = bisect_right(part_ends, reach) - 1
        while last >= 0 and _lacks_room(text, ends, part_ends[last], start + max_width - hyphen):
            last -= 1
        stop = part_ends[last] if last >= 0 else 0
        if stop <= at:  # no part fits on this line
            stop = fitting if fitting > at else bisect_right(ends, ends[at])
        line, at = text[at:stop].rstrip(" "), stop
        shows_hyphen = line.endswith(SOFT_HYPHEN) and at < len(text)
        yield line[:-1] + HYPHEN if shows_hyphen and ends[stop - 1] + hyphen <= start + max_width else line


def _lacks_room(text: str, ends: Sequence[float], end: int, limit: float) -> bool:
    """Returns whether a line ends here at a soft hyphen for whose hyphen there is no space."""
    return text[end - 1] == SOFT_HYPHEN and end < len(text) and ends[end - 1] > limit
