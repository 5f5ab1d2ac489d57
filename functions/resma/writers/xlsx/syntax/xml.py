"""XML escapes, and rows and cells of small sheets; `sheets/cells.py` encodes the cells of data sheets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from xml.sax.saxutils import escape as escape_markup

from resma.writers.excel.limits import MAX_CELL_CHARACTERS
from resma.writers.xlsx.syntax.limits import shorten
from resma.writers.xlsx.syntax.numbers import survives_as_double

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"

_LIKE_AN_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""Start of text that looks like an escape of ST_Xstring (ECMA-376 Part 1 §22.9.2.19)."""

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escape(text: str) -> str:
    """Escapes text for an element or an attribute. Characters that XML 1.0 does not allow become U+FFFD."""
    return escape_markup(_NOT_XML.sub("\ufffd", text), {'"': "&quot;", "\r": "&#13;"})


def column_letters(index: int) -> str:
    """Returns the letters of a column: `A` for 0, `Z` for 25, `AA` for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def row_element(number: int, cells: Sequence[str], attributes: str = "") -> str:
    """Returns a row, and adds a reference to each cell. `<c/>` stands for an omitted cell."""
    elements = "".join(
        f'<c r="{column_letters(at)}{number}"{cell[2:]}' for at, cell in enumerate(cells) if cell != "<c/>"
    )
    return f'<row r="{number}"{attributes}>{elements}</row>'


def text_cell(text: str, style: int = 0) -> str:
    """Returns a cell with a label, which is shortened if it is too long. `xml:space` preserves spaces at its ends."""
    text = _LIKE_AN_ESCAPE.sub("_x005F_", shorten(text, MAX_CELL_CHARACTERS))
    space = "" if text == text.strip() else ' xml:space="preserve"'
    return f'<c s="{style}" t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


def number_cell(number: int | Decimal, style: int = 0) -> str:
    """Returns a cell with a number, or with text if the number is NaN or has more digits than a double holds."""
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int):
        return text_cell(str(number), style)
    plain = f"{exact:f}"
    if not survives_as_double(exact, max(0, -exponent)):
        return text_cell(plain, style)
    return f'<c s="{style}"><v>{plain}</v></c>'


def relationships(targets: Iterable[tuple[str, str]]) -> bytes:
    """Returns the relationships of a part, numbered from `rId1`.

    `targets` are pairs of a type (the last part of a URI in `RELATIONSHIPS`, or a whole URI) and a target.
    """
    lines = "".join(
        f'<Relationship Id="rId{i}" Type="{kind if "://" in kind else f"{RELATIONSHIPS}/{kind}"}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'.encode()
