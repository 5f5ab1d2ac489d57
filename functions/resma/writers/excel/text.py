"""Texts in a CSV file for Excel: which ones Excel or LibreOffice would show differently, and how they are kept.

Both read every field as if a person typed it, in the language of that person. `(123)` becomes -123, `MAR 3` a day and
`WAHR` a logical value. `="MAR 3"` is a formula whose result is that text, in every language. Excel's own rules are in
"Keeping leading zeros and large numbers", "Stop automatically changing numbers to dates" and "Automatic data
conversion" of its documentation; which characters begin a formula, in OWASP's "CSV Injection".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma.writers.excel.limits import MAX_FORMULA_CHARACTERS, MAX_STRING_LITERAL_CHARACTERS, utf16_units

_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_CONTROL_STARTS = ("\t", "\r", "\n")

_DIGIT = re.compile(rb"[0-9]")
_ANY_DIGIT = re.compile(r"\d")
"""Of any script: Excel takes full-width ones for numbers."""

_LONG_NUMBER = re.compile(r"[\d\s.,'eE%/:()+-]+")
"""What a text that is longer than any date must look like to be a number."""

_LINE_BREAK = re.compile(r"[\r\n]")

_WORDS = (
    "true false verdadeiro falso wahr falsch vrai faux verdadero vero waar onwaar sant falskt sand falsk usann tosi "
    "epätosi prawda fałsz pravda nepravda igaz hamis doğru yanliş yanlış adevărat fals истина ложь"
)
_LOGICAL_VALUES = frozenset(_WORDS.split())
"""In languages that Excel has. LibreOffice knows those of its document's language."""

_PLAIN = re.compile(rb"[A-Za-z][A-Za-z ,.;:_/-]*")
"""Letters and what is harmless between them: most texts that have no digit, found without decoding them."""


_DIGITS_AS_ZEROS = bytes.maketrans(b"0123456789", b"0" * 10)
_NOT_DIGITS = bytes(sorted(set(range(1, 256)) - set(b"0123456789")))


def protect_column(cells: Sequence[bytes | None]) -> list[bytes] | None:
    """Returns a whole column as `protect_text` would, each cell in CSV's quotes; None where it takes a look at each cell.

    It is for columns in which every text has a digit, such as account numbers: four times as fast.
    """
    if None in cells or max(map(len, cells)) > MAX_STRING_LITERAL_CHARACTERS:  # type: ignore[arg-type]
        return None
    joined = b"\0".join(cells)  # type: ignore[arg-type]
    if b'"' in joined or b"\n" in joined or b"\r" in joined:
        return None
    # What is left are the digits of each cell: none must be without.
    digits = joined.translate(_DIGITS_AS_ZEROS, _NOT_DIGITS)
    if digits[:1] in b"\0" or digits[-1:] == b"\0" or b"\0\0" in digits:
        return None
    quoted = b'"=""%b"""' % joined.replace(b"\0", b'"""\0"=""')
    return quoted.split(b"\0")


def protect_text(cell: bytes) -> tuple[bytes, bool]:
    """Returns the text as a cell that is shown as it is, and False; or, where there is no such cell, one with an
    apostrophe before the text that keeps Excel from running it, and True.

    There is none for a text that begins like a formula and has a line break or more characters than a formula.
    """
    if len(cell) <= MAX_STRING_LITERAL_CHARACTERS and _DIGIT.search(cell) and b"\n" not in cell and b"\r" not in cell:
        return b'="%b"' % cell.replace(b'"', b'""'), False
    if _PLAIN.fullmatch(cell) and cell.decode().strip().lower() not in _LOGICAL_VALUES:
        return cell, False
    text = cell.decode()
    if not _is_at_risk(text):
        return cell, False
    formula = _as_formula(text)
    if formula is not None:
        return formula, False
    return (b"'" + cell, True) if _begins_like_a_formula(text) else (cell, False)


def _is_at_risk(text: str) -> bool:
    stripped = text.strip()
    if _begins_like_a_formula(text) or stripped.startswith("#"):  # errors, such as #N/A, in all languages
        return True
    if utf16_units(text) > MAX_STRING_LITERAL_CHARACTERS:
        return _LONG_NUMBER.fullmatch(text) is not None
    return _ANY_DIGIT.search(text) is not None or stripped.lower() in _LOGICAL_VALUES


def _begins_like_a_formula(text: str) -> bool:
    return text.startswith(_CONTROL_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


def _as_formula(text: str) -> bytes | None:
    """A formula that gives the text; None where there is none that Excel and LibreOffice take."""
    if _LINE_BREAK.search(text):  # LibreOffice takes a field of several lines for a text, whatever it begins with
        return None
    literals = [part.replace('"', '""') for part in _parts(text)]
    formula = '="' + '"&"'.join(literals) + '"'
    return formula.encode() if utf16_units(formula) <= MAX_FORMULA_CHARACTERS else None


def _parts(text: str) -> list[str]:
    """Cuts the text into pieces that are short enough, however many of their characters take two units."""
    size = MAX_STRING_LITERAL_CHARACTERS
    if utf16_units(text) > len(text):
        size //= 2
    return [text[at : at + size] for at in range(0, len(text), size)]
