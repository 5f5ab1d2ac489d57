"""`resma check`: all errors and warnings of a catalog, with file and line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.authoring.catalogs import existing_catalog
from infra.authoring.fix import Fix, fix_catalog
from infra.authoring.sources import embedded_database, find_source
from infra.checks.report_types.check_folder import CatalogReport, check_catalog, shown_path
from infra.deploy.source import SourceError, connect_source


@dataclass(frozen=True)
class CheckOptions:
    """Options of `resma check`."""

    stack: str
    """Name of the stack whose database is used if no source is named."""
    source_url: str | None = None
    catalog: Path | None = None
    is_static: bool = False
    """Whether only files are checked, without a database."""
    fixes: bool = False
    """Whether errors with a mechanical correction are corrected first."""


@dataclass(frozen=True)
class CheckResult:
    """What was found, and what was corrected before."""

    folder: Path
    report: CatalogReport
    fixes: tuple[Fix, ...]
    is_static: bool


def check(options: CheckOptions) -> CheckResult:
    """Checks the catalog. Without a source and a running stack, it uses an embedded Postgres with the demo bank.

    Raises StackError if the catalog or the database cannot be read.
    """
    folder = existing_catalog(options.catalog, None if options.is_static else options.source_url)
    with _database(options) as url:
        fixes = tuple(fix_catalog(folder, url)) if options.fixes and url else ()
        try:
            report = check_catalog(folder, url)
        except psycopg.Error as error:
            raise SourceError(f"The database cannot be read: {str(error).strip()}.") from error
    return CheckResult(folder, report, fixes, url is None)


@contextlib.contextmanager
def _database(options: CheckOptions) -> Iterator[str | None]:
    if options.is_static:
        yield None
        return
    if url := find_source(options.source_url, options.stack):
        with connect_source(url):
            pass  # an unreachable source is one clear error
        yield url
        return
    with embedded_database() as url:
        yield url


def lines_of(result: CheckResult) -> list[str]:
    """Returns corrections, warnings, errors and statements to paste, one a line, and the number of errors."""
    report = result.report
    lines = [f"{shown_path(one.path)}: {one.message}" for one in result.fixes]
    lines += [one.describe("warning: ") for one in report.warnings]
    lines += [one.describe() for one in report.errors]
    if report.grants:
        lines += ["", "Missing privileges. Run as the owner of the tables:", *report.grants, ""]
    unchecked = "; queries were not checked in a database" if result.is_static else ""
    return [*lines, f"{_counted(report.types, 'report type')}, {_counted(len(report.errors), 'error')}{unchecked}"]


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
