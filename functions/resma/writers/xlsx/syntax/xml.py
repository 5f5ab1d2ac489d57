"""Text in XML, and the rows and cells of the small sheets; the large ones have `resma.writers.xlsx.sheets.cells`."""

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

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escape(text: str) -> str:
    """Text for an element or an attribute; characters that XML 1.0 has no place for become U+FFFD."""
    return escape_markup(_NOT_XML.sub("\ufffd", text), {'"': "&quot;", "\r": "&#13;"})


def column_letters(index: int) -> str:
    """`A` for 0, `Z` for 25, `AA` for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def row_element(number: int, cells: Sequence[str], attributes: str = "") -> str:
    """A row: gives each cell its reference. `<c/>` holds a place, and is left out."""
    placed = "".join(
        f'<c r="{column_letters(at)}{number}"{cell[2:]}' for at, cell in enumerate(cells) if cell != "<c/>"
    )
    return f'<row r="{number}"{attributes}>{placed}</row>'


def text_cell(text: str, style: int = 0) -> str:
    """A cell of text for show: shortened where it is too long. XML readers trim space at the ends, unless told."""
    text = shorten(text, MAX_CELL_CHARACTERS)
    space = "" if text == text.strip() else ' xml:space="preserve"'
    return f'<c s="{style}" t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


def number_cell(number: int | Decimal, style: int = 0) -> str:
    """A number, or text where a double does not hold all its digits or it is none (NaN)."""
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    if not isinstance(exponent, int):
        return text_cell(str(number), style)
    plain = f"{exact:f}"
    if not survives_as_double(exact, max(0, -exponent)):
        return text_cell(plain, style)
    return f'<c s="{style}"><v>{plain}</v></c>'


def relationships(targets: Iterable[tuple[str, str]]) -> bytes:
    """A part's relationships, `rId1` and on: pairs of type (below the namespace above, or whole) and target."""
    lines = "".join(
        f'<Relationship Id="rId{i}" Type="{kind if "://" in kind else f"{RELATIONSHIPS}/{kind}"}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'.encode()
