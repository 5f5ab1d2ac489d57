"""Lists the files of a split report: GET /api/v1/reports/{id}/files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from api.http.cursor import cursor_invalid, next_page
from api.http.page_size import fitting
from api.report_files.access import hidden_keys, require_split_files
from api.report_files.models import SplitFileList, SplitFileView
from api.report_files.rows import FileCursor, FileFilters, SplitFile, list_split_files
from api.reports.models import ErrorView
from resma.access.caller import Caller, require_scope
from resma.database.connection import Database
from resma.jobs.report_rows import Report, find_report
from resma.report.content import MASK

FILE_CURSOR_PATTERN = r"^[1-9][0-9]{0,17}\.[A-Z]{1,10}$"
"""Pattern of a cursor in the list of files: number and format of the last file of the previous page."""


@dataclass(frozen=True)
class FileQuery:
    """Filters and position of a page of files."""

    filters: FileFilters
    limit: int
    cursor: str | None


def list_files(database: Database, caller: Caller, report_id: UUID, query: FileQuery, base_url: str) -> SplitFileList:
    """Returns a page of a split report's files. It has fewer than `limit` if more would not fit into a response.

    Raises ReportNotFoundError; ReportFileNotFoundError for a report that is not split; ReportExpiredError;
    ReportHasNoFileError; ScopeMissingError for a search by a personal key without the scope `personal:read`;
    RequestInvalidError for an invalid cursor.
    """
    after = _read_cursor(query.cursor) if query.cursor is not None else None
    with database.transaction(caller.tenant_id) as connection:
        report = find_report(connection, caller.tenant_id, report_id)
        require_split_files(report)
        hidden = hidden_keys(report, caller)
        if hidden and query.filters.search:
            require_scope(caller, "personal:read")
        found, is_more = list_split_files(connection, caller.tenant_id, report_id, query.filters, after, query.limit)
    url = f"{base_url}/api/v1/reports/{report_id}/files"
    files = fitting([_show(report, file, url, hidden) for file in found])
    following = None
    if is_more or len(found) > len(files):
        parameters = {**vars(query.filters), "limit": query.limit}
        following = next_page(url, parameters, f"{files[-1].number}.{files[-1].format}")
    return SplitFileList(files=files, next=following)


def _show(report: Report, file: SplitFile, url: str, hidden: frozenset[str]) -> SplitFileView:
    key = dict(zip(report.split_by or (), file.key, strict=True))
    error = file.error_code and ErrorView(code=file.error_code, detail=file.error_detail or "")
    return SplitFileView.model_validate(
        {
            **{
                name: getattr(file, name)
                for name in ("number", "format", "bytes", "sha256", "plain_sha256", "rows", "pages")
            },
            "key": {name: MASK if name in hidden and cell is not None else cell for name, cell in key.items()},
            # The name contains the key.
            "name": MASK if hidden else file.name,
            "totals": file.totals,
            "snapshot": file.snapshot,
            "error": error,
            "download": None if error else f"{url}/{file.number}/download?format={file.format}",
        }
    )


def _read_cursor(cursor: str) -> FileCursor:
    if re.fullmatch(FILE_CURSOR_PATTERN, cursor, re.ASCII) is None:
        raise cursor_invalid()
    number, format_ = cursor.split(".")
    return FileCursor(int(number), format_)
