"""Protects strings in a CSV file for Excel that Excel or LibreOffice would convert to something else.

Both programs interpret every field as if the user had typed it, in the user's language: `(123)` becomes -123, `MAR 3` a
date and `WAHR` a logical value. `="MAR 3"` is a formula whose result is the string itself, in every language. Excel's
rules are in "Keeping leading zeros and large numbers", "Stop automatically changing numbers to dates" and "Automatic
data conversion" of its documentation; OWASP's "CSV Injection" lists the characters that start a formula.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from resma.writers.excel.limits import MAX_FORMULA_CHARACTERS, MAX_STRING_LITERAL_CHARACTERS, utf16_units

_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_CONTROL_STARTS = ("\t", "\r", "\n")

_DIGIT = re.compile(rb"[0-9]")
_ANY_DIGIT = re.compile(r"\d")
"""Digit of any script: Excel reads full-width digits as numbers."""

_LONG_NUMBER = re.compile(r"[\d\s.,'eE%/:()+-]+")
"""Characters of numbers. A string that is longer than any date can only be converted if it has no other characters."""

_LINE_BREAK = re.compile(r"[\r\n]")

LOGICAL_VALUES: Mapping[str, tuple[str, str]] = {
    "cs": ("PRAVDA", "NEPRAVDA"),
    "da": ("SAND", "FALSK"),
    "de": ("WAHR", "FALSCH"),
    "es": ("VERDADERO", "FALSO"),
    "fi": ("TOSI", "EPÄTOSI"),
    "fr": ("VRAI", "FAUX"),
    "hu": ("IGAZ", "HAMIS"),
    "it": ("VERO", "FALSO"),
    "nb": ("SANN", "USANN"),
    "nl": ("WAAR", "ONWAAR"),
    "pl": ("PRAWDA", "FAŁSZ"),
    "pt": ("VERDADEIRO", "FALSO"),
    "ro": ("ADEVĂRAT", "FALS"),
    "ru": ("ИСТИНА", "ЛОЖЬ"),
    "sv": ("SANT", "FALSKT"),
    "tr": ("DOĞRU", "YANLIŞ"),
}
"""True and false as Excel expects them, by language; they are TRUE and FALSE in all other languages."""

_WORDS = frozenset(word.lower() for words in (*LOGICAL_VALUES.values(), ("TRUE", "FALSE", "yanlış")) for word in words)
"""Logical values in lower case. LibreOffice recognizes those of the document's language. In Turkish, `I` is `ı`."""

_PLAIN = re.compile(rb"[A-Za-z][A-Za-z ,.;:_/-]*")
"""Letters with harmless characters between them. Matches most strings without digits, without decoding them."""


_DIGITS_AS_ZEROS = bytes.maketrans(b"0123456789", b"0" * 10)
_NOT_DIGITS = bytes(sorted(set(range(1, 256)) - set(b"0123456789")))


def protect_column(cells: Sequence[bytes | None]) -> list[bytes] | None:
    """Returns the cells of a whole column as `protect_text` returns them, quoted for CSV.

    Returns None if the cells must be checked one by one. It is four times as fast, for columns in which every string
    has a digit, such as account numbers.
    """
    if None in cells or max(map(len, cells)) > MAX_STRING_LITERAL_CHARACTERS:  # type: ignore[arg-type]
        return None
    joined = b"\0".join(cells)  # type: ignore[arg-type]
    if b'"' in joined or b"\n" in joined or b"\r" in joined:
        return None
    # Only the digits of each cell are left: every cell must have one.
    digits = joined.translate(_DIGITS_AS_ZEROS, _NOT_DIGITS)
    if digits[:1] in b"\0" or digits[-1:] == b"\0" or b"\0\0" in digits:
        return None
    quoted = b'"=""%b"""' % joined.replace(b"\0", b'"""\0"=""')
    return quoted.split(b"\0")


def protect_text(cell: bytes) -> tuple[bytes, bool]:
    """Returns a CSV field that Excel displays unchanged, and whether an apostrophe was added.

    An apostrophe before a string prevents Excel from evaluating it, but Excel displays it. It is added only to strings
    that start like a formula and that no formula can return: those with a line break, or longer than a formula.
    """
    if len(cell) <= MAX_STRING_LITERAL_CHARACTERS and _DIGIT.search(cell) and b"\n" not in cell and b"\r" not in cell:
        return b'="%b"' % cell.replace(b'"', b'""'), False
    if _PLAIN.fullmatch(cell) and cell.decode().strip().lower() not in _WORDS:
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
    if utf16_units(" ".join(text.split())) > MAX_STRING_LITERAL_CHARACTERS:  # spaces do not prevent a conversion
        return _LONG_NUMBER.fullmatch(text) is not None
    return _ANY_DIGIT.search(text) is not None or stripped.lower() in _WORDS


def _begins_like_a_formula(text: str) -> bool:
    return text.startswith(_CONTROL_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)


def _as_formula(text: str) -> bytes | None:
    """Returns a formula whose result is the text; None if Excel or LibreOffice would not accept one."""
    if _LINE_BREAK.search(text):  # LibreOffice reads a field of several lines as text, even if it starts with `=`
        return None
    literals = [part.replace('"', '""') for part in _parts(text)]
    formula = '="' + '"&"'.join(literals) + '"'
    return formula.encode() if utf16_units(formula) <= MAX_FORMULA_CHARACTERS else None


def _parts(text: str) -> list[str]:
    """Splits the text into pieces that fit a string literal, even if characters take two UTF-16 units."""
    size = MAX_STRING_LITERAL_CHARACTERS
    if utf16_units(text) > len(text):
        size //= 2
    return [text[at : at + size] for at in range(0, len(text), size)]
