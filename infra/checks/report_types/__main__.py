"""`resma admin report-types`: prints every error of the catalog, with file and line.

Without `--database`, it starts an embedded Postgres with the project's migrations, which takes two seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from infra.checks.report_types.check_folder import LocatedDiagnostic, check_catalog
from infra.errors import StackError
from resma.catalog import catalog_folder


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 1 if the catalog has errors."""
    arguments = _parse(given)
    try:
        with _database(arguments) as url:
            report = check_catalog(arguments.folder, url)
    except (psycopg.Error, OSError, StackError) as error:
        sys.exit(f"The catalog could not be checked: {error}")
    for warning in report.warnings:
        print(_format(warning, "warning: "))
    for diagnostic in report.errors:
        print(_format(diagnostic))
    unchecked = "" if url else "; queries were not checked in a database"
    print(f"{_counted(report.types, 'report type')}, {_counted(len(report.errors), 'error')}{unchecked}")
    return 1 if report.errors else 0


def _parse(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="resma admin report-types", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--folder", type=Path, default=catalog_folder(), help="folder of the catalog (default: %(default)s)"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--database", metavar="URL", help="a migrated database, with a role that may SET ROLE resma_reader"
    )
    source.add_argument("--static", action="store_true", help="check the files only, without a database")
    return parser.parse_args(given)


@contextlib.contextmanager
def _database(arguments: argparse.Namespace) -> Iterator[str | None]:
    if arguments.database or arguments.static:
        yield arguments.database
        return
    # These modules require the packages of the embedded stack.
    from infra.demo.load_demo_bank import migrate_with_bank  # noqa: PLC0415
    from infra.servers.ports import free_port  # noqa: PLC0415
    from infra.servers.postgres import PostgresServer  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="resma-catalog-") as folder:
        server = PostgresServer(Path(folder), free_port())
        server.start()
        try:
            migrate_with_bank(server.url)
            yield server.url
        finally:
            server.stop()


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _format(diagnostic: LocatedDiagnostic, label: str = "") -> str:
    """Returns `reports/fees/report.toml:12: …`, the form that editors and CI systems recognize."""
    path = diagnostic.path
    with contextlib.suppress(ValueError):
        path = path.absolute().relative_to(Path.cwd())
    return f"{path}:{diagnostic.line}: {label}{diagnostic.message}"


if __name__ == "__main__":
    sys.exit(main())
