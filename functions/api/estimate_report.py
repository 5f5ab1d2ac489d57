"""POST /api/v1/reports/estimate: what a report would come to. Nothing is written, and nobody is kept waiting."""

from __future__ import annotations

from dataclasses import dataclass

from api.estimate_notes import Facts, write_notes
from api.models_estimate import EstimateView, FileEstimate, QueueEstimate, Remark
from resma.caller import Caller
from resma.catalogue import ReportType, find_report_type
from resma.content import ReportContent
from resma.database import Database
from resma.estimate import (
    Observation,
    Paging,
    Wanted,
    estimate_bytes,
    estimate_pages,
    estimate_seconds,
    has_been_made,
)
from resma.options import FormatOptions
from resma.personal import personal_content
from resma.progress import find_queue
from resma.quotas import find_room
from resma.recent_reports import find_recent, lines_a_page, observe
from resma.report_request import ReportRequest
from resma.request_report import check_request
from resma.row_estimate import RowEstimate
from resma.snapshot import open_snapshot
from resma.writers import file_extension


@dataclass(frozen=True)
class Estimator:
    """What an estimate is made with."""

    system: Database
    source: Database
    """What reports read: asked, and let go again."""
    worker_seconds: int
    """What an invocation of a worker has."""


def estimate_report(estimator: Estimator, caller: Caller, request: ReportRequest) -> EstimateView:
    """Returns what the report would come to. Raises what asking for it raises, but for quotas: of those the notes tell.

    Raises DatabaseUnavailable, DatabaseBusy.
    """
    content = check_request(caller, request)
    report_type = find_report_type(request.type)
    counted = _estimate_rows(estimator.source, caller.tenant_id, report_type, content)
    with estimator.system.transaction(caller.tenant_id) as connection:
        files_seen, timings = observe(report_type, find_recent(connection, caller.tenant_id, content.type))
        queue = find_queue(connection, caller.tenant_id, content.type, content.formats)
        room = find_room(connection, caller.tenant_id)
    wanted = _wanted(report_type, content, counted.rows)
    seconds = estimate_seconds(list(wanted.values()), timings)
    columns, _ = personal_content(content) or ([], [])
    facts = Facts(
        counted=counted,
        formats=content.formats,
        seconds=seconds,
        worker_seconds=estimator.worker_seconds,
        room=room,
        masked=columns if content.personal_masked else [],
        unseen=[name for name, file in wanted.items() if not has_been_made(file, files_seen)],
    )
    notes = write_notes(facts)
    return EstimateView(
        rows=counted.rows,
        is_exact=counted.is_exact,
        files=[_file(report_type, content, name, file, files_seen) for name, file in wanted.items()],
        seconds=seconds,
        queue=QueueEstimate(ahead=queue.ahead, seconds=queue.wait_seconds),
        notes=[note.text for note in notes],
        remarks=[Remark(code=note.code, values=dict(note.values), text=note.text) for note in notes],
    )


def _estimate_rows(source: Database, tenant_id: str, report_type: ReportType, content: ReportContent) -> RowEstimate:
    with (
        source.lend() as connection,
        open_snapshot(connection, report_type, tenant_id, content.filters, content.time_zone) as snapshot,
    ):
        return snapshot.estimate_rows()


def _wanted(report_type: ReportType, content: ReportContent, rows: int) -> dict[str, Wanted]:
    options = FormatOptions.model_validate(content.options)
    cells = len(report_type.choose_columns(content.columns))
    return {
        format_: Wanted(file_extension(format_, options), rows, content.columns, cells) for format_ in content.formats
    }


def _file(
    report_type: ReportType, content: ReportContent, format_: str, wanted: Wanted, seen: list[Observation]
) -> FileEstimate:
    pages = None
    if format_ == "PDF":
        pages = estimate_pages(
            wanted,
            seen,
            Paging(
                lines_a_page(report_type, content.locale, FormatOptions.model_validate(content.options)),
                wraps=any(column.format == "wrap" for column in report_type.choose_columns(content.columns)),
                has_subtotals=report_type.subtotals is not None,
                has_contents=report_type.period is not None,
            ),
        )
    return FileEstimate.model_validate({"format": format_, "bytes": estimate_bytes(wanted, seen), "pages": pages})
