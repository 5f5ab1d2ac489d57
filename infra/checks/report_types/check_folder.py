"""Checks all folders of a catalog: their files and, if a database is available, their queries."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.checks.report_types.check_database import find_database_errors
from infra.checks.report_types.database_warnings import find_database_warnings
from resma.catalog import Diagnostic, ReportType, check_folder, check_settings, valid_settings
from resma.catalog.short_form import in_file
from resma.catalog.toml_lines import find_lines, line_of
from resma.i18n.locales import DEFAULT_LOCALE
from resma.report.format_options import PdfOptions
from resma.writers.limits import check_page_width

PLACEHOLDERS = ("FIRST", "SECOND")
"""Choices that `resma new` writes for a list in a query if it does not know its values."""


@dataclass(frozen=True)
class LocatedDiagnostic:
    """A diagnostic with the path of its file and its line, from 1."""

    path: Path
    line: int
    message: str

    def describe(self, label: str = "") -> str:
        """Returns `reports/fees/report.toml:12: …`, the form that editors and CI systems recognize."""
        return f"{shown_path(self.path)}:{self.line}: {label}{self.message}"


def shown_path(path: Path) -> Path:
    """Returns a path as people name it: relative, if it is below the working folder."""
    with contextlib.suppress(ValueError):
        return path.absolute().relative_to(Path.cwd())
    return path


@dataclass(frozen=True)
class CatalogReport:
    """The errors and warnings of a catalog. `types` is the number of folders, valid or not."""

    types: int
    errors: list[LocatedDiagnostic]
    warnings: list[LocatedDiagnostic]
    grants: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    """Names of the report types without errors."""
    """Statements that give the role of the reports the privileges that it lacks for any of the queries."""


def check_catalog(folder: Path, database_url: str | None) -> CatalogReport:
    """Checks every folder in `folder`. Queries of report types without errors are also planned in the database."""
    _, diagnostics = check_settings(folder)
    errors = locate(folder, diagnostics)
    settings = valid_settings(folder)
    valid: dict[Path, ReportType] = {}
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")
    for path in folders:
        report_type, diagnostics = check_folder(path, settings)
        errors += locate(path, diagnostics)
        if report_type:
            errors += _find_same_type(path, report_type, valid)
            valid[path] = report_type
    if not folders:
        message = "The catalog has no report type. Add a folder with report.toml and query.sql."
        errors.append(LocatedDiagnostic(folder, 1, message))
    warnings = [
        warning
        for path, report_type in valid.items()
        for warning in locate(
            path, [*find_width_warnings(report_type), *find_placeholder_warnings(report_type)], report_type
        )
    ]
    grants: list[str] = []
    if database_url:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for path, report_type in valid.items():
                if report_type.database == "system":  # the source database need not have Resma's records
                    continue
                found = find_database_errors(connection, report_type)
                errors += locate(path, found.errors, report_type)
                grants += found.grants
                if not found.errors:
                    warnings += locate(path, find_database_warnings(connection, report_type), report_type)
    # Schemas first, because a role needs USAGE to reach their tables.
    ordered = sorted(dict.fromkeys(grants), key=lambda grant: "ON SCHEMA" not in grant)
    errors.sort(key=lambda error: error.path.parent)
    with_errors = {error.path.parent for error in errors}
    ready = tuple(report_type.type for path, report_type in valid.items() if path not in with_errors)
    return CatalogReport(len(folders), errors, warnings, tuple(ordered), ready)


def find_width_warnings(report_type: ReportType) -> list[Diagnostic]:
    """Returns a warning if all columns together do not fit a page. A request may choose fewer columns."""
    problem = check_page_width(report_type.shown_columns, DEFAULT_LOCALE, report_type.orientation, PdfOptions()).problem
    return [Diagnostic(problem, ("columns",))] if problem else []


def find_placeholder_warnings(report_type: ReportType) -> list[Diagnostic]:
    """Returns a warning for each filter whose choices are still those that `resma new` writes for unknown values."""
    message = (
        "Filter '{}': the choices {} are placeholders, because its values were not known. Replace them with the "
        "values that users can choose."
    )
    return [
        Diagnostic(message.format(item.name, " and ".join(PLACEHOLDERS)), ("filters", index, "choices"))
        for index, item in enumerate(report_type.filters)
        if tuple(item.choices or ()) == PLACEHOLDERS
    ]


def _find_same_type(path: Path, report_type: ReportType, others: dict[Path, ReportType]) -> list[LocatedDiagnostic]:
    errors = [
        Diagnostic(f"The folder {folder.name} also has the report type {other.type}. Rename one of them.", ("type",))
        for folder, other in others.items()
        if other.type == report_type.type
    ]
    return locate(path, errors)


def locate(
    folder: Path, diagnostics: list[Diagnostic], report_type: ReportType | None = None
) -> list[LocatedDiagnostic]:
    """Returns the diagnostics with their lines. Those of `report_type` have key paths of the model."""
    lines = None
    located = []
    for diagnostic in in_file(diagnostics, report_type.model_dump()) if report_type else diagnostics:
        line = diagnostic.line
        if line is None:
            lines = lines or find_lines((folder / diagnostic.file).read_text(encoding="utf-8"))
            line = line_of(diagnostic.key_path, lines)
        located.append(LocatedDiagnostic(folder / diagnostic.file, line, diagnostic.message))
    return located
