"""The workbook's styles (ECMA-376 Part 1 §18.8). Cells name them by number, in the order of asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from resma.i18n.locales import Locale
from resma.report.header import Column
from resma.writers.palette import ACCENT, GRAY, INK, RULE
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, escape

FONT = "Calibri"

_FONTS = {
    "plain": f'<font><sz val="11"/><color rgb="FF{INK}"/><name val="{FONT}"/><family val="2"/></font>',
    "bold": f'<font><b/><sz val="11"/><color rgb="FF{INK}"/><name val="{FONT}"/><family val="2"/></font>',
    "heading": f'<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="{FONT}"/><family val="2"/></font>',
    "title": f'<font><b/><sz val="18"/><color rgb="FF{ACCENT}"/><name val="{FONT}"/><family val="2"/></font>',
    "section": f'<font><b/><sz val="12"/><color rgb="FF{ACCENT}"/><name val="{FONT}"/><family val="2"/></font>',
    "label": f'<font><sz val="11"/><color rgb="FF{GRAY}"/><name val="{FONT}"/><family val="2"/></font>',
}
_FILLS = {
    "none": '<fill><patternFill patternType="none"/></fill>',
    # Excel takes the second for this one whatever it says.
    "gray125": '<fill><patternFill patternType="gray125"/></fill>',
    "heading": f'<fill><patternFill patternType="solid"><fgColor rgb="FF{ACCENT}"/></patternFill></fill>',
}
_BORDERS = {
    "none": "<border><left/><right/><top/><bottom/><diagonal/></border>",
    "below": f'<border><left/><right/><top/><bottom style="thin"><color rgb="FF{RULE}"/></bottom><diagonal/></border>',
}

_LCIDS = {"en-US": "409", "en-GB": "809", "pt-BR": "416", "de-DE": "407"}
"""Microsoft's numbers of languages."""

_FIRST_OWN_FORMAT = 164
"""Numbers below are Excel's own formats (§18.8.30); 0 is General."""


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How a cell looks. `number_format` is in the file's language, which is that of en-US in every locale."""

    number_format: str = "General"
    font: str = "plain"
    fill: str = "none"
    border: str = "none"
    horizontal: Literal["general", "left", "right"] = "general"
    vertical: Literal["bottom", "center", "top"] = "bottom"
    wrap: bool = False


class Styles:
    """Gives each look a number. Ask for all of them before `part`. Number 0 is the plain look of text."""

    def __init__(self) -> None:
        self._looks: dict[CellStyle, int] = {CellStyle(): 0}
        self._formats: dict[str, int] = {"General": 0}

    def number(self, look: CellStyle) -> int:
        """The look's number, the same for the same look."""
        if look.number_format not in self._formats:
            self._formats[look.number_format] = _FIRST_OWN_FORMAT + len(self._formats) - 1
        return self._looks.setdefault(look, len(self._looks))

    def part(self) -> bytes:
        """`xl/styles.xml`."""
        own = [(code, number) for code, number in self._formats.items() if number]
        formats = "".join(f'<numFmt numFmtId="{number}" formatCode="{escape(code)}"/>' for code, number in own)
        parts = [
            f'<numFmts count="{len(own)}">{formats}</numFmts>' if own else "",
            _counted("fonts", list(_FONTS.values())),
            _counted("fills", list(_FILLS.values())),
            _counted("borders", list(_BORDERS.values())),
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>',
            _counted("cellXfs", [self._xf(look) for look in self._looks]),
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>',
            '<dxfs count="0"/>',
        ]
        return f'{DECLARATION}<styleSheet xmlns="{MAIN}">{"".join(parts)}</styleSheet>'.encode()

    def _xf(self, look: CellStyle) -> str:
        wrap = ' wrapText="1"' if look.wrap else ""
        ids = [
            f'numFmtId="{self._formats[look.number_format]}"',
            f'fontId="{list(_FONTS).index(look.font)}"',
            f'fillId="{list(_FILLS).index(look.fill)}"',
            f'borderId="{list(_BORDERS).index(look.border)}"',
        ]
        applied = 'applyNumberFormat="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1"'
        alignment = f'<alignment horizontal="{look.horizontal}" vertical="{look.vertical}"{wrap}/>'
        return f'<xf {" ".join(ids)} xfId="0" {applied}>{alignment}</xf>'


def column_style(column: Column, locale: Locale, *, any_wraps: bool) -> CellStyle:
    """How the cells of a column look. Where another column wraps, all begin at the top of their row."""
    horizontal: Literal["general", "left", "right"] = column.align
    if column.kind in {"text", "json"} and column.align == "left":
        horizontal = "general"
    return CellStyle(
        number_format=column_format(column, locale),
        horizontal=horizontal,
        vertical="top" if any_wraps else "bottom",
        wrap=column.wrap,
    )


def column_format(column: Column, locale: Locale) -> str:
    """The number format of a column's kind."""
    if column.kind == "date":
        return date_format(locale)
    if column.kind == "timestamp":
        return f"{date_format(locale)} hh:mm:ss"
    if column.kind in {"integer", "amount"}:
        return number_format(column.scale, grouped=column.grouped)
    return "General"


def number_format(scale: int, *, grouped: bool = True) -> str:
    """`#,##0.00`: Excel shows it with its own settings' marks. 30 digits after the mark are Excel's limit."""
    whole = "#,##0" if grouped else "0"
    return f"{whole}.{'0' * min(scale, 30)}" if scale else whole


def date_format(locale: Locale) -> str:
    """The locale's order: `dd/mm/yyyy`, `dd.mm.yyyy`, `mm/dd/yyyy`. Here `/` is whatever mark Excel is set to."""
    words = {"D": "dd", "M": "mm", "Y": "yyyy"}
    return locale.date[1].join(words[letter] for letter in locale.date[::2])


def month_format(locale: Locale) -> str:
    """`jan 2024`, named in the report's language, whatever Excel's is."""
    return f"[$-{_LCIDS.get(locale.tag, _LCIDS['en-US'])}]mmm\\ yyyy"


def decimals(amounts: Sequence[Decimal]) -> int:
    """Most digits that any of them has after the decimal mark."""
    exponents = [amount.as_tuple().exponent for amount in amounts]
    return max((0, *(-exponent for exponent in exponents if isinstance(exponent, int))))


def _counted(name: str, items: list[str]) -> str:
    return f'<{name} count="{len(items)}">{"".join(items)}</{name}>'
