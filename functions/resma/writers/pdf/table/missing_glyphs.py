"""Counts rows with characters that no installed font has, for the warnings of the report."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice

from resma.report.warnings import ReportWarning, WarningCode
from resma.writers.pdf.table.line_plan import ROW

CODE: WarningCode = "characters-without-font"

_MAX_CHARACTERS = 1_000
"""Maximum number of characters without a font that are searched in cells."""
_MAX_NAMES = 5
_UPPER_CASE = {"CJK", "NKO"}
_AFTER_SCRIPT = re.compile(
    r"[ -](?:CAPITAL|COMBINING|COMPATIBILITY|DIGIT|HIEROGLYPH|IDEOGRA(?:M|PH)|LETTER|LIGATURE|MARK|NUMBER|PUNCTUATION"
    r"|SIGN|SMALL|SYLLABLE|SYMBOL|TONE|UNIFIED|VOWEL)\b"
)
"""Words that follow the name of the script in the Unicode name of a character."""

_REMEDY = (
    "They are shown as a replacement character, but can be searched and copied. Install a font that has them on every "
    "worker: with the extra `scripts`, in a folder in `RESMA_FONTS`, or in a layer (docs/fonts.md)."
)

Counts = dict[int, tuple[int, int]]
"""By column index: the first affected row, from 1, and the number of affected rows."""


def count_rows(
    counts: Counts, columns: Iterable[Sequence[bytes | None]], kinds: bytes, first: int, missing: Iterable[str]
) -> None:
    """Counts the affected rows of some pages, before which the report has `first` rows."""
    pattern = re.compile(f"[{re.escape(''.join(islice(missing, _MAX_CHARACTERS)))}]")
    for index, cells in enumerate(columns):
        lines = [at for at, cell in enumerate(cells) if cell and pattern.search(cell.decode("utf-8"))]
        rows = {first + kinds.count(ROW, 0, at + 1) for at in lines}
        if rows:
            start, count = counts.get(index, (min(rows), 0))
            counts[index] = (start, count + len(rows))


def describe(missing: Iterable[str], counts: Counts, names: Sequence[str]) -> tuple[ReportWarning, ...]:
    """Returns a warning for each affected column, or one for the file if only titles and labels are affected.

    `names` are the columns' names in the catalog.
    """
    characters = list(missing)
    if not characters:
        return ()
    detail = f"No installed font has some characters ({_scripts(characters)}). {_REMEDY}"
    if not counts:
        return (ReportWarning(CODE, detail),)
    return tuple(
        ReportWarning(CODE, detail, column=names[index], row=row, rows=rows)
        for index, (row, rows) in sorted(counts.items())
    )


def _scripts(characters: Sequence[str]) -> str:
    """Returns the scripts of the characters, from the start of their Unicode names: `Linear B`, `Old Persian`."""
    names = [unicodedata.name(char[:1], "") for char in characters]
    scripts = dict.fromkeys(_script(name) if name else "control or unassigned characters" for name in names)
    return ", ".join(islice(scripts, _MAX_NAMES)) + (", ..." if len(scripts) > _MAX_NAMES else "")


def _script(name: str) -> str:
    words = _AFTER_SCRIPT.split(name, maxsplit=1)[0].split()
    return " ".join(word if word in _UPPER_CASE or len(word) == 1 else word.capitalize() for word in words)
