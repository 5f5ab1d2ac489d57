"""Styles of the workbook (ECMA-376 Part 1 §18.8). Cells refer to them by number, in the order of their first use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from resma.i18n.locales import DEFAULT_LOCALE, Locale
from resma.report.header import Column
from resma.writers.palette import GRAY, INK, RULE, Palette
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, escape

FONT = "Calibri"

_ACCENT = "{accent}"
"""Placeholder of the palette's color."""

_FONTS = {
    "plain": f'<font><sz val="11"/><color rgb="FF{INK}"/><name val="{FONT}"/><family val="2"/></font>',
    "bold": f'<font><b/><sz val="11"/><color rgb="FF{INK}"/><name val="{FONT}"/><family val="2"/></font>',
    "heading": f'<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="{FONT}"/><family val="2"/></font>',
    "title": f'<font><b/><sz val="18"/><color rgb="FF{_ACCENT}"/><name val="{FONT}"/><family val="2"/></font>',
    "section": f'<font><b/><sz val="12"/><color rgb="FF{_ACCENT}"/><name val="{FONT}"/><family val="2"/></font>',
    "label": f'<font><sz val="11"/><color rgb="FF{GRAY}"/><name val="{FONT}"/><family val="2"/></font>',
}
_FILLS = {
    "none": '<fill><patternFill patternType="none"/></fill>',
    # Excel always uses this pattern for the second fill.
    "gray125": '<fill><patternFill patternType="gray125"/></fill>',
    "heading": f'<fill><patternFill patternType="solid"><fgColor rgb="FF{_ACCENT}"/></patternFill></fill>',
}
_BORDERS = {
    "none": "<border><left/><right/><top/><bottom/><diagonal/></border>",
    "below": f'<border><left/><right/><top/><bottom style="thin"><color rgb="FF{RULE}"/></bottom><diagonal/></border>',
}

_FIRST_CUSTOM_FORMAT = 164
"""First number of a custom format. Lower numbers are built-in formats (§18.8.30); 0 is General."""


@dataclass(frozen=True, slots=True)
class CellStyle:
    """Style of a cell. `number_format` is in the syntax of en-US, which files use in every locale."""

    number_format: str = "General"
    font: str = "plain"
    fill: str = "none"
    border: str = "none"
    horizontal: Literal["general", "left", "right"] = "general"
    vertical: Literal["bottom", "center", "top"] = "bottom"
    wrap: bool = False


class Styles:
    """Assigns a number to each style. Request all styles before `part`. Number 0 is the default style."""

    def __init__(self, palette: Palette) -> None:
        self._accent = palette.accent
        self._styles: dict[CellStyle, int] = {CellStyle(): 0}
        self._formats: dict[str, int] = {"General": 0}

    def number(self, style: CellStyle) -> int:
        """Returns the number of a style; equal styles have the same number."""
        if style.number_format not in self._formats:
            self._formats[style.number_format] = _FIRST_CUSTOM_FORMAT + len(self._formats) - 1
        return self._styles.setdefault(style, len(self._styles))

    def part(self) -> bytes:
        """Returns `xl/styles.xml`."""
        custom = [(code, number) for code, number in self._formats.items() if number]
        formats = "".join(f'<numFmt numFmtId="{number}" formatCode="{escape(code)}"/>' for code, number in custom)
        parts = [
            f'<numFmts count="{len(custom)}">{formats}</numFmts>' if custom else "",
            _counted("fonts", [font.replace(_ACCENT, self._accent) for font in _FONTS.values()]),
            _counted("fills", [fill.replace(_ACCENT, self._accent) for fill in _FILLS.values()]),
            _counted("borders", list(_BORDERS.values())),
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>',
            _counted("cellXfs", [self._xf(style) for style in self._styles]),
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>',
            '<dxfs count="0"/>',
        ]
        return f'{DECLARATION}<styleSheet xmlns="{MAIN}">{"".join(parts)}</styleSheet>'.encode()

    def _xf(self, style: CellStyle) -> str:
        wrap = ' wrapText="1"' if style.wrap else ""
        ids = [
            f'numFmtId="{self._formats[style.number_format]}"',
            f'fontId="{list(_FONTS).index(style.font)}"',
            f'fillId="{list(_FILLS).index(style.fill)}"',
            f'borderId="{list(_BORDERS).index(style.border)}"',
        ]
        applied = 'applyNumberFormat="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1"'
        alignment = f'<alignment horizontal="{style.horizontal}" vertical="{style.vertical}"{wrap}/>'
        return f'<xf {" ".join(ids)} xfId="0" {applied}>{alignment}</xf>'


def column_style(column: Column, locale: Locale, *, any_wraps: bool) -> CellStyle:
    """Returns the style of a column's cells. If any column wraps, all cells are aligned at the top of their row."""
    horizontal: Literal["general", "left", "right"] = column.align
    if column.kind in {"text", "json", "uuid", "binary"} and column.align == "left":
        horizontal = "general"
    return CellStyle(
        number_format=column_format(column, locale),
        horizontal=horizontal,
        vertical="top" if any_wraps else "bottom",
        wrap=column.wrap,
    )


def column_format(column: Column, locale: Locale) -> str:
    """Returns the number format of a column."""
    if column.kind == "date":
        return date_format(locale)
    if column.kind == "time":
        return "hh:mm:ss"
    if column.kind == "interval":
        return "[h]:mm:ss"
    if column.kind in {"timestamp", "local_timestamp"}:
        return f"{date_format(locale)} hh:mm:ss"
    if column.kind in {"integer", "amount"}:
        return number_format(column.scale, grouped=column.grouped)
    return "General"


def number_format(scale: int, *, grouped: bool = True) -> str:
    """Returns a format like `#,##0.00`, which Excel displays with the user's separators. Its limit is 30 decimals."""
    whole = "#,##0" if grouped else "0"
    return f"{whole}.{'0' * min(scale, 30)}" if scale else whole


def date_format(locale: Locale) -> str:
    """Returns the locale's date format: `dd/mm/yyyy`, `dd.mm.yyyy` or `mm/dd/yyyy`. Excel displays `/` as the user's
    date separator."""
    words = {"D": "dd", "M": "mm", "Y": "yyyy"}
    return locale.date[1].join(words[letter] for letter in locale.date[::2])


def month_format(locale: Locale) -> str:
    """Returns a format like `jan 2024`, in the report's language instead of Excel's."""
    between = re.sub("([^{}a-z ])", r'"\1"', locale.month).replace(" ", "\\ ")
    return f"[$-{locale.lcid or DEFAULT_LOCALE.lcid}]{between.format(month='mmm', year='yyyy')}"


def decimals(amounts: Sequence[Decimal]) -> int:
    """Returns the maximum number of decimals of any of the amounts."""
    exponents = [amount.as_tuple().exponent for amount in amounts]
    return max((0, *(-exponent for exponent in exponents if isinstance(exponent, int))))


def _counted(name: str, items: list[str]) -> str:
    return f'<{name} count="{len(items)}">{"".join(items)}</{name}>'
