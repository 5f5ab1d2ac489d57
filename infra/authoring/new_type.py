"""`resma new`: writes the two files of a report type for a table or for a query."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.authoring.catalogs import is_catalog, new_catalog_folder, write_settings
from infra.authoring.proposals.described_query import QueryRejectedError, clean_query, describe_query
from infra.authoring.proposals.file_content import report_toml
from infra.authoring.proposals.proposal import Choice, Proposal
from infra.authoring.proposals.propose import propose_query, propose_table
from infra.authoring.proposals.query_facts import read_query_facts
from infra.authoring.proposals.table_facts import SourceFacts, read_table
from infra.checks.report_types.check_folder import find_width_warnings
from infra.checks.report_types.grants import find_missing_grants, named_relations, read_role
from infra.checks.report_types.relations import Relation, find_relation
from infra.deploy.source import connect_source
from infra.errors import StackError
from resma.catalog import ReportType, check_folder
from resma.catalog.query_text import TENANT, find_query_errors
from resma.catalog.settings.file import CatalogSettings, load_settings
from resma.errors import CatalogInvalidError

STATEMENT_TIMEOUT = "10s"
"""Maximum time of a statement of `new`, which reads only catalogs of Postgres."""

_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class NewTypeError(StackError):
    """The report type cannot be created. Nothing was written."""

    code = "report-type-not-created"


@dataclass(frozen=True)
class NewOptions:
    """Options of `resma new`: exactly one of `table` and `file` is set."""

    type_name: str
    source_url: str
    catalog: Path | None
    table: str | None = None
    file: Path | None = None


@dataclass(frozen=True)
class NewType:
    """A report type that was written."""

    folder: Path
    """The folder of the report type."""
    type_name: str
    proposal: Proposal
    origin: str
    """The table or the file."""
    rows: int | None
    """Estimated number of rows of the table."""
    settings_file: Path | None
    """The resma.toml that was written as well, because there was no catalog."""
    role: str
    grants: tuple[str, ...]
    """Statements that the role still needs, to be executed by the owner of the tables."""

    too_wide: str | None = None
    """Why a page of a PDF cannot show all columns; None if it can."""

    @property
    def choices(self) -> Sequence[Choice]:
        """The decisions that were made."""
        limits = [Choice("PDF", "all columns on one page: no", self.too_wide)] if self.too_wide else []
        return [*self.proposal.choices, *limits]


@dataclass(frozen=True)
class _Written:
    """The content of both files, and what is said about it."""

    proposal: Proposal
    query: str
    origin: str
    facts: SourceFacts
    relations: Sequence[Relation]


def new_type(options: NewOptions) -> NewType:
    """Writes the report type. Nothing in the source is changed, and no row is read. Nothing is ever overwritten.

    Raises StackError: SourceError, NewTypeError, UnknownRelationError, QueryRejectedError, NotReportableError.
    """
    folder_name = re.sub(r"[\s-]+", "_", options.type_name.strip()).lower()
    if not _TYPE_NAME.fullmatch(folder_name):
        raise NewTypeError(
            f"The type must be a name of letters, digits and _ that starts with a letter, not {options.type_name!r}."
        )
    catalog = new_catalog_folder(options.catalog)
    target = catalog / folder_name
    if target.exists():
        raise NewTypeError(f"{target} exists already. Choose another name, or remove the folder.")
    has_catalog = is_catalog(catalog)
    settings = _read_settings(catalog) if has_catalog else CatalogSettings(tenants="none")
    text = _read_file(options.file) if options.file else None
    with connect_source(options.source_url) as connection:
        connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        if options.table is not None:
            written, settings = _of_table(connection, options.table, settings, is_new=not has_catalog)
        else:
            assert text is not None
            written = _of_file(connection, str(options.file), text, folder_name, settings)
        role = read_role(connection)
        grants = find_missing_grants(role, written.relations)
    report_type = _write(target, written, settings)
    settings_file = None if has_catalog else write_settings(catalog, settings.tenants)
    return NewType(
        target,
        report_type.type,
        written.proposal,
        written.origin,
        written.facts.rows if options.table else None,
        settings_file,
        role,
        tuple(grants),
        next((warning.message for warning in find_width_warnings(report_type)), None),
    )


def _read_settings(catalog: Path) -> CatalogSettings:
    try:
        return load_settings(catalog)
    except CatalogInvalidError as error:
        raise NewTypeError(str(error)) from error


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not valid UTF-8"
        raise NewTypeError(f"The query file {path} cannot be read: {reason}.") from error


def _of_table(
    connection: Connection[TupleRow], name: str, settings: CatalogSettings, *, is_new: bool
) -> tuple[_Written, CatalogSettings]:
    relation = find_relation(connection, name)
    facts = read_table(connection, relation)
    if is_new and any(column.name == TENANT for column in facts.columns):
        settings = CatalogSettings()  # rows of several tenants stay apart unless resma.toml says otherwise
    proposal, query = propose_table(connection, relation, facts, has_tenants=settings.tenants == "required")
    return _Written(proposal, query, relation.sql_name, facts, [relation]), settings


def _of_file(connection: Connection[TupleRow], path: str, text: str, name: str, settings: CatalogSettings) -> _Written:
    query = clean_query(text)
    if errors := list(find_query_errors(query, None)):
        raise NewTypeError("\n".join(f"{path}:{item.line}: {item.message}" for item in errors))
    try:
        with connection.transaction():
            described = describe_query(connection, query, path)
    except QueryRejectedError as error:
        raise _with_grants(connection, error, query) from error
    except psycopg.Error as error:
        raise NewTypeError(f"{path}: {error.diag.message_primary or error}.") from error
    facts = read_query_facts(connection, described)
    proposal = propose_query(connection, described, facts, name, has_tenants=settings.tenants == "required")
    return _Written(proposal, query, path, facts, named_relations(connection, query))


def _with_grants(connection: Connection[TupleRow], error: QueryRejectedError, query: str) -> QueryRejectedError:
    """Returns the error with the privileges that the role needs first. USAGE of a schema is one even to describe it."""
    if not error.is_permission:
        return error
    role = read_role(connection)
    grants = "".join(f"\n    {one}" for one in find_missing_grants(role, named_relations(connection, query)))
    return QueryRejectedError(f"{error} Run as the owner of the tables:{grants}") if grants else error


def _write(target: Path, written: _Written, settings: CatalogSettings) -> ReportType:
    """Writes both files beside the target, checks them, and moves them into place together."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as temporary:
        folder = Path(temporary) / target.name
        folder.mkdir()
        (folder / "report.toml").write_text(report_toml(written.proposal), encoding="utf-8")
        (folder / "query.sql").write_text(written.query, encoding="utf-8")
        report_type, diagnostics = check_folder(folder, settings)
        if report_type is None:
            errors = "\n".join(f"{item.file}:{item.line}: {item.message}" for item in diagnostics)
            raise NewTypeError(f"No report type can be made of {written.origin}:\n{errors}")
        folder.rename(target)
    return report_type
