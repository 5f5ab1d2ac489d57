"""Text in XML, and the cells of the small sheets; the large ones have `resma.writers.xlsx.cells`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from xml.sax.saxutils import escape as escape_markup

from resma.writers.xlsx.cells import MOST_DIGITS

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escape(text: str) -> str:
    """Text for an element or an attribute; characters that XML 1.0 has no place for become U+FFFD."""
    return escape_markup(_NOT_XML.sub("\ufffd", text), {'"': "&quot;", "\r": "&#13;"})


def text_cell(text: str, style: int = 0) -> str:
    """A cell of text. XML readers trim what has space at its ends, unless they are told."""
    space = "" if text == text.strip() else ' xml:space="preserve"'
    return f'<c s="{style}" t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


def number_cell(number: int | Decimal, style: int = 0) -> str:
    """A number, or text where Excel would lose digits of it or has no such number (NaN)."""
    if isinstance(number, Decimal) and not number.is_finite():
        return text_cell(str(number), style)
    plain = f"{Decimal(number):f}"
    if len(plain.replace(".", "").lstrip("-0").rstrip("0")) > MOST_DIGITS:
        return text_cell(plain, style)
    return f'<c s="{style}"><v>{plain}</v></c>'


def relationships(targets: Iterable[tuple[str, str]]) -> bytes:
    """A part's relationships, `rId1` and on: pairs of type (below the namespace above, or whole) and target."""
    lines = "".join(
        f'<Relationship Id="rId{i}" Type="{kind if "://" in kind else f"{RELATIONSHIPS}/{kind}"}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'.encode()
