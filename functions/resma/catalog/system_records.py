"""Rules for report types with `database = "system"`, which read Resma's own records instead of the source database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from resma.catalog.diagnostics import Diagnostic
from resma.catalog.query_text import TENANT, find_parameters, without_comments

if TYPE_CHECKING:
    from resma.catalog.model import ReportType

READABLE = "resma.access_log"
"""The only relation of Resma that such a query may read. It shows the rows of the transaction's tenant only."""

_RELATION = re.compile(r'\bresma"?\s*\.\s*"?(\w+)', re.IGNORECASE)
_ESCAPES = re.compile(
    r"\b(set_config|current_setting|(?:query|table|cursor|schema|database)_to_xml\w*|dblink\w*|pg_\w+)\b", re.IGNORECASE
)
"""Functions with which a query could change its tenant, execute a string, or read the server."""


def find_system_errors(report_type: ReportType) -> Iterator[Diagnostic]:
    """Yields errors of a report type that reads Resma's own records. Other report types have none."""
    if report_type.database != "system":
        return
    for key in ("split", "control"):
        if getattr(report_type, key) is not None:
            yield Diagnostic(f'`[{key}]` requires a source database. Remove it, or remove database = "system".', (key,))
    if TENANT not in find_parameters(report_type.query):
        yield _error(f"The query must select the rows of one tenant. Use tenant_id = %({TENANT})s.", 1)
    text = without_comments(report_type.query)
    relations = list(_RELATION.finditer(text))
    if not any(match[1].lower() == "access_log" for match in relations):
        yield _error(f"The query must read {READABLE}, the only view that such a report type may read.", 1)
    for match in relations:
        if match[1].lower() != "access_log":
            message = f"The query must not read resma.{match[1]}. It may only read {READABLE}."
            yield _error(message, text.count("\n", 0, match.start()) + 1)
    for match in _ESCAPES.finditer(text):
        message = f'The function {match[1]} is not allowed in a report type with database = "system". Remove it.'
        yield _error(message, text.count("\n", 0, match.start()) + 1)


def _error(message: str, line: int) -> Diagnostic:
    return Diagnostic(message, file="query.sql", line=line)
