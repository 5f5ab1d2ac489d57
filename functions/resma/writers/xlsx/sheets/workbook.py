"""Parts that refer to all sheets: the workbook, its relationships, content types and properties."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from resma.report.header import ReportHeader
from resma.writers.xlsx.sheets.sheet import filter_area
from resma.writers.xlsx.syntax.xml import DECLARATION, MAIN, PACKAGE, RELATIONSHIPS, escape, relationships

_OFFICE = "application/vnd.openxmlformats-officedocument"
_CORE = f"{PACKAGE}/metadata/core-properties"
_EXTENDED = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"

_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff]+")
_MAX_NAME_UNITS = 31
_RESERVED = "history"
"""Sheet name that Excel reserves."""


@dataclass(frozen=True, slots=True)
class WorkbookSheet:
    """One sheet. Sheets are in tab order, which is also the order of their part names, because many readers rely on it.

    `rows` is the number of rows below the header row of a data sheet; None for other sheets.
    """

    name: str
    rows: int | None = None


def name_sheets(preferred: Sequence[str]) -> list[str]:
    """Returns names that Excel accepts: without `[]:*?/\\`, up to 31 UTF-16 units, unique without regard to case."""
    names: list[str] = []
    taken = {_RESERVED}
    for name in preferred:
        clean = " ".join(_NOT_IN_NAMES.sub(" ", name).split()).strip("'") or "-"
        count, unique = 1, _cut(clean, "")
        while unique.lower() in taken:
            count += 1
            unique = _cut(clean, f" ({count})")
        taken.add(unique.lower())
        names.append(unique)
    return names


def quoted(sheet: str) -> str:
    """Returns a sheet's name for a cell reference: `'Ann''s sheet'`."""
    return "'" + sheet.replace("'", "''") + "'"


def workbook(header: ReportHeader, sheets: Sequence[WorkbookSheet]) -> bytes:
    """Returns `xl/workbook.xml`. The first sheet is active when the workbook is opened."""
    tabs = "".join(
        f'<sheet name="{escape(sheet.name)}" sheetId="{i}" r:id="rId{i}"/>' for i, sheet in enumerate(sheets, 1)
    )
    names = ""
    for i, sheet in enumerate(sheets):
        if sheet.rows is not None:
            area = escape(f"{quoted(sheet.name)}!{filter_area(header, sheet.rows, '$')}")
            names += f'<definedName name="_xlnm._FilterDatabase" localSheetId="{i}" hidden="1">{area}</definedName>'
            titles = escape(f"{quoted(sheet.name)}!$1:$1")
            names += f'<definedName name="_xlnm.Print_Titles" localSheetId="{i}">{titles}</definedName>'
    return (
        f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONSHIPS}"><workbookPr/>'
        '<bookViews><workbookView xWindow="0" yWindow="0" windowWidth="28800" windowHeight="16000" activeTab="0"/>'
        f"</bookViews><sheets>{tabs}</sheets><definedNames>{names}</definedNames></workbook>"
    ).encode()


def workbook_relationships(sheets: int, *, shared_strings: bool) -> bytes:
    """Returns `xl/_rels/workbook.xml.rels`. Sheets come first, so that their ids start at `rId1`."""
    targets = [("worksheet", f"worksheets/sheet{part}.xml") for part in range(1, sheets + 1)]
    targets.append(("styles", "styles.xml"))
    if shared_strings:
        targets.append(("sharedStrings", "sharedStrings.xml"))
    return relationships(targets)


def package_relationships() -> bytes:
    """Returns `_rels/.rels`."""
    core = f"{PACKAGE}/relationships/metadata/core-properties"
    return relationships(
        [
            ("officeDocument", "xl/workbook.xml"),
            (core, "docProps/core.xml"),
            ("extended-properties", "docProps/app.xml"),
        ]
    )


def content_types(sheets: int, charts: int, *, shared_strings: bool) -> bytes:
    """Returns `[Content_Types].xml` (Part 2 §7.2.3)."""
    kinds = {
        "/xl/workbook.xml": f"{_OFFICE}.spreadsheetml.sheet.main+xml",
        "/xl/styles.xml": f"{_OFFICE}.spreadsheetml.styles+xml",
        **({"/xl/sharedStrings.xml": f"{_OFFICE}.spreadsheetml.sharedStrings+xml"} if shared_strings else {}),
        **{f"/xl/worksheets/sheet{i}.xml": f"{_OFFICE}.spreadsheetml.worksheet+xml" for i in range(1, sheets + 1)},
        **({"/xl/drawings/drawing1.xml": f"{_OFFICE}.drawing+xml"} if charts else {}),
        **{f"/xl/charts/chart{i}.xml": f"{_OFFICE}.drawingml.chart+xml" for i in range(1, charts + 1)},
        "/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
        "/docProps/app.xml": f"{_OFFICE}.extended-properties+xml",
    }
    parts = "".join(f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in kinds.items())
    return (
        f'{DECLARATION}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{parts}</Types>'
    ).encode()


def core_properties(header: ReportHeader) -> bytes:
    """Returns `docProps/core.xml`: title, creator, identifier, language and dates (Part 2 §11)."""
    when = f"{header.as_of:%Y-%m-%dT%H:%M:%SZ}"
    return (
        f'{DECLARATION}<cp:coreProperties xmlns:cp="{_CORE}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(header.title)}</dc:title><dc:creator>{escape(header.organization)}</dc:creator>"
        f"<dc:identifier>{escape(header.report_id)}</dc:identifier>"
        f"<dc:language>{header.locale.tag}</dc:language>"
        f'<dcterms:created xsi:type="dcterms:W3CDTF">{when}</dcterms:created>'
        f'<dcterms:modified xsi:type="dcterms:W3CDTF">{when}</dcterms:modified></cp:coreProperties>'
    ).encode()


def extended_properties(header: ReportHeader) -> bytes:
    """Returns `docProps/app.xml`."""
    company = escape(header.organization)
    return (
        f'{DECLARATION}<Properties xmlns="{_EXTENDED}"><Application>Resma</Application>'
        f"<Company>{company}</Company></Properties>"
    ).encode()


def _cut(name: str, suffix: str) -> str:
    """Returns the name, cut to leave space for the suffix. Never splits a surrogate pair."""
    units = name.encode("utf-16-le")[: 2 * (_MAX_NAME_UNITS - len(suffix))]
    return units.decode("utf-16-le", "ignore").rstrip(" '") + suffix
