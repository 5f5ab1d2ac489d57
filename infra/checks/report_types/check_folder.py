"""All folders of a catalog checked: their files, and their queries in a database where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.checks.report_types.check_database import find_database_mistakes, find_notes
from resma.catalog import Diagnostic, ReportType, check_folder
from resma.catalog.toml_lines import find_lines, line_of
from resma.i18n.locales import DEFAULT_LOCALE
from resma.report.format_options import PdfOptions
from resma.writers.limits import check_page_width


@dataclass(frozen=True)
class Finding:
    """A mistake or a note, and where it is."""

    path: Path
    line: int
    says: str


@dataclass(frozen=True)
class CatalogReport:
    """What was found. `types` counts folders, right or wrong."""

    types: int
    diagnostics: list[Finding]
    warnings: list[Finding]


def check_catalog(folder: Path, database_url: str | None) -> CatalogReport:
    """Checks every folder in `folder`; each whose files are right is tried in the database too."""
    diagnostics: list[Finding] = []
    right: dict[Path, ReportType] = {}
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    for path in folders:
        report_type, found = check_folder(path)
        diagnostics += _findings(path, found)
        if report_type:
            diagnostics += _same_type(path, report_type, right)
            right[path] = report_type
    if not folders:
        diagnostics.append(Finding(folder, 1, "there is no report type: add a folder with report.toml and query.sql"))
    warnings = [note for path, report_type in right.items() for note in _findings(path, _width_notes(report_type))]
    if database_url:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for path, report_type in right.items():
                found = find_database_mistakes(connection, report_type)
                diagnostics += _findings(path, found)
                warnings += [] if found else _findings(path, find_notes(connection, report_type))
    return CatalogReport(len(folders), sorted(diagnostics, key=lambda finding: (finding.path.parent, 0)), warnings)


def _width_notes(report_type: ReportType) -> list[Diagnostic]:
    """Whether all columns together are too many for a page. A request may choose some of them, or another format."""
    problem = check_page_width(report_type.columns, DEFAULT_LOCALE, report_type.orientation, PdfOptions()).problem
    return [Diagnostic(problem, ("columns",))] if problem else []


def _same_type(path: Path, report_type: ReportType, others: dict[Path, ReportType]) -> list[Finding]:
    says = "the report type {} is in {} too: name one of them differently"
    found = [
        Diagnostic(says.format(other.type, place.name), ("type",))
        for place, other in others.items()
        if other.type == report_type.type
    ]
    return _findings(path, found)


def _findings(folder: Path, diagnostics: list[Diagnostic]) -> list[Finding]:
    lines = None
    findings = []
    for diagnostic in diagnostics:
        line = diagnostic.line
        if line is None:
            lines = lines or find_lines((folder / diagnostic.file).read_text(encoding="utf-8"))
            line = line_of(diagnostic.at, lines)
        findings.append(Finding(folder / diagnostic.file, line, diagnostic.says))
    return findings
