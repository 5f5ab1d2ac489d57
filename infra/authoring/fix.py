"""`resma check --fix`: corrects report.toml where the query leaves no choice. Comments and order are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from psycopg import Connection
from psycopg.rows import TupleRow
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

from infra.authoring.proposals.described_query import DescribedQuery, QueryRejectedError, describe_query
from infra.authoring.proposals.parameters import filters_of_parameters
from infra.authoring.proposals.query_facts import read_query_facts
from infra.checks.report_types.column_types import ReturnedColumn
from infra.deploy.source import connect_source
from resma.catalog.query_text import find_query_errors


@dataclass(frozen=True, slots=True)
class Fix:
    """One correction of a report.toml."""

    path: Path
    message: str


def fix_catalog(folder: Path, url: str) -> Iterator[Fix]:
    """Corrects all report types of a catalog: kinds that do not fit, missing columns, missing filters.

    A file stays as it is if it is not valid TOML, if its columns or filters are not tables by name, or if the database
    rejects its query. Raises SourceError.
    """
    with connect_source(url) as connection:
        for path in sorted(folder.glob("*/report.toml")):
            yield from _fix_type(connection, path)


def _fix_type(connection: Connection[TupleRow], path: Path) -> Iterator[Fix]:
    query_file = path.parent / "query.sql"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        query = query_file.read_text(encoding="utf-8")
        if any(find_query_errors(query, None)):
            return
        with connection.transaction(force_rollback=True):
            described = describe_query(connection, query, str(query_file))
            facts = read_query_facts(connection, described)
    except (OSError, UnicodeDecodeError, TOMLKitError, QueryRejectedError):
        return
    if not all(isinstance(document.get(name, {}), Mapping) for name in ("columns", "filters")):
        return
    messages = [*_fix_columns(document, described)]
    filters = document.get("filters", {})
    missing = {name: type_ for name, type_ in described.parameters.items() if name not in filters}
    dates = [name for name, value in filters.items() if _kind_of(value) == "date"]
    for item in filters_of_parameters(query, missing, facts, dates)[0]:
        table = _table(document, "filters")
        table[item.name] = _value(
            kind=item.kind, choices=list(item.choices), required=item.required, not_before=item.not_before
        )
        messages.append(f"Added filter '{item.name}', of kind {item.kind}.")
    if messages:
        path.write_text(tomlkit.dumps(document), encoding="utf-8")
        yield from (Fix(path, message) for message in messages)


def _fix_columns(document: tomlkit.TOMLDocument, described: DescribedQuery) -> Iterator[str]:
    columns = _table(document, "columns")
    for returned in described.columns:
        kind = returned.type.kind
        value: Any = columns.get(returned.name)
        if value is None:
            columns[returned.name] = kind
            yield f"Added column '{returned.name}', of kind {kind}."
        elif not _fits(value, returned):
            was = _kind_of(value)
            if isinstance(value, Mapping):
                columns[returned.name]["kind"] = kind
            else:
                columns[returned.name] = kind
            yield f"Column '{returned.name}': changed kind from {was} to {kind}."


def _kind_of(value: Any) -> Any:
    """Returns the kind of a column or a filter, which is a kind alone or a table."""
    return value.get("kind", "text") if isinstance(value, Mapping) else value


def _fits(value: Any, returned: ReturnedColumn) -> bool:
    try:
        return returned.type.fits(_kind_of(value))
    except (KeyError, TypeError):  # no kind at all
        return False


def _table(document: tomlkit.TOMLDocument, name: str) -> AbstractTable:
    """Returns a table of the document, which is added at its end if it does not exist."""
    if name not in document:
        document[name] = tomlkit.table()
    table = document[name]
    assert isinstance(table, AbstractTable)
    return table


def _value(**pairs: Any) -> Any:
    """Returns a kind alone, or an inline table with the pairs that are set."""
    given = {key: value for key, value in pairs.items() if value}
    if list(given) == ["kind"]:
        return given["kind"]
    table = tomlkit.inline_table()
    table.update(given)
    return table
