"""`resma admin report-types`: names every error of the catalog, with file and line.

Without `--database` it asks an embedded Postgres, started for this with the project's migrations: two seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from infra.checks.report_types.check_folder import Finding, check_catalog
from infra.errors import StackError
from resma.catalog import catalog_folder


def main(given: Sequence[str] | None = None) -> int:
    """The command line; 1 when anything is wrong."""
    arguments = _parse(given)
    try:
        with _database(arguments) as url:
            report = check_catalog(arguments.folder, url)
    except (psycopg.Error, OSError, StackError) as error:
        sys.exit(f"the catalog could not be checked: {error}")
    for finding in report.warnings:
        print(_written(finding, "warning: "))
    for finding in report.diagnostics:
        print(_written(finding))
    asked = "" if url else "; the database was not asked"
    print(f"{_counted(report.types, 'report type')}, {_counted(len(report.diagnostics), 'error')}{asked}")
    return 1 if report.diagnostics else 0


def _parse(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="resma admin report-types", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, default=catalog_folder(), help="the catalog (default: %(default)s)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--database", metavar="URL", help="a migrated database, as a role that may become resma_reader")
    source.add_argument("--static", action="store_true", help="read the files only, ask no database")
    return parser.parse_args(given)


@contextlib.contextmanager
def _database(arguments: argparse.Namespace) -> Iterator[str | None]:
    if arguments.database or arguments.static:
        yield arguments.database
        return
    # Only installed where the embedded stack is.
    from infra.postgres.migrate import migrate  # noqa: PLC0415
    from infra.servers.ports import free_port  # noqa: PLC0415
    from infra.servers.postgres import PostgresServer  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="resma-catalog-") as folder:
        server = PostgresServer(Path(folder), free_port())
        server.start()
        try:
            migrate(server.url)
            yield server.url
        finally:
            server.stop()


def _counted(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _written(finding: Finding, label: str = "") -> str:
    """`functions/catalog/fees/report.toml:12: …`, as editors and CI systems read it."""
    path = finding.path
    with contextlib.suppress(ValueError):
        path = path.absolute().relative_to(Path.cwd())
    return f"{path}:{finding.line}: {label}{finding.says}"


if __name__ == "__main__":
    sys.exit(main())
