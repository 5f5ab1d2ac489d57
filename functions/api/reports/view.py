"""Converts rows of reports to their JSON model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from api.reports.models import ErrorView, FileView, Links, MetricsView, ProgressView, ReportView, TotalView, WaitingFor
from api.reports.progress import QueueStatus, seconds_left, stage_of
from api.reports.split_progress import NO_SHARDS, SplitCounts, show_split
from resma.access.caller import Caller, subject_for
from resma.jobs.personal_data import masked_columns, personal_filters
from resma.jobs.report_rows import Report, StoredFile
from resma.report.content import MASK
from resma.report.format_options import options_of_formats
from resma.webhooks.url import hide_query


def show_report(  # noqa: PLR0913  # what the row does not have
    report: Report,
    base_url: str,
    caller: Caller,
    *,
    is_deduplicated: bool = False,
    queue: QueueStatus | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
    splits: Mapping[UUID, SplitCounts] = MappingProxyType({}),
) -> ReportView:
    """Returns the JSON model of a report, as the caller may see it.

    `base_url` is the base URL of the API, `queue` the reports ahead of this one, `names` the names of requesters, and
    `splits` the counts of split reports that have shards.
    """
    url = f"{base_url}/api/v1/reports/{report.report_id}"
    is_ready = report.status == "READY"
    files = [] if report.split_by else report.files or []
    first = files[0] if files else None
    return ReportView.model_validate(
        {
            "id": report.report_id,
            "type": report.type,
            "format": first["format"] if first else report.formats[0],
            "formats": report.formats,
            "filters": report.filters | dict.fromkeys(personal_filters(report), MASK),
            "columns": report.columns,
            "locale": report.locale,
            "time_zone": report.time_zone,
            "title": report.title,
            "options": options_of_formats(report.formats, report.options),
            "pdf_encrypted": report.pdf_key is not None,
            "split_by": report.split_by,
            "zip": report.zip,
            "callback_url": report.callback_url and hide_query(report.callback_url),
            "deliver_to": report.deliver_to,
            "encrypt_for": report.encrypt_for,
            "encrypt_for_requested": report.encrypt_for_requested,
            "signed_by": report.signed_by,
            "only_if": report.only_if,
            "requested_by": report.requested_by and subject_for(caller, report.requested_by),
            "requested_by_name": names.get(report.requested_by or ""),
            "status": report.status,
            "progress": _progress(report, queue),
            "waiting_for": _waiting_for(report),
            "attempt": report.attempt,
            "continuations": report.continuations,
            "created_at": report.created_at,
            "started_at": report.started_at,
            "finished_at": report.finished_at,
            "expires_at": report.expires_at,
            "retention_days": report.retention_days,
            "held": report.held,
            "kms_key": report.kms_key,
            "files_deleted_at": report.files_deleted_at,
            "files_deleted_by": report.files_deleted_by and subject_for(caller, report.files_deleted_by),
            "as_of": report.as_of,
            "rows": report.rows_done if is_ready else None,
            "bytes": first and first["bytes"],
            "sha256": first and first["sha256"],
            "files": [_file(file, url) for file in files] if report.split_by or report.files is not None else None,
            "split": show_split(report, splits.get(report.report_id, NO_SHARDS), url),
            "failed_files": report.failed_files or [],
            "warnings": report.warnings or [],
            "balance": report.balance,
            "control_totals": report.control_totals,
            "masked_columns": masked_columns(report),
            "totals": None if report.totals is None else [TotalView(**total) for total in report.totals],
            "totals_omitted": report.totals_omitted,
            "deduplicated": is_deduplicated,
            "metrics": MetricsView.model_validate(report.metrics) if report.metrics else None,
            "skipped_reason": report.skipped_code and {"code": report.skipped_code, "detail": report.skipped_detail},
            "error": _error(report),
            "links": Links(self=url, download=f"{url}/download" if is_ready else None),
        }
    )


def _file(file: StoredFile, url: str) -> FileView:
    return FileView.model_validate(
        {
            **{name: file[name] for name in ("format", "media_type", "bytes", "sha256")},
            "plain_sha256": file.get("plain_sha256"),
            "pages": file.get("pages"),
            "download": f"{url}/download?format={file['format']}",
        }
    )


def _progress(report: Report, queue: QueueStatus | None) -> ProgressView:
    expected = report.rows_expected
    if report.status == "READY":
        percent: float | None = 100.0
    else:
        percent = round(100 * report.rows_done / expected, 1) if expected else None
    return ProgressView(
        rows_done=report.rows_done,
        rows_expected=expected,
        percent=percent,
        stage=stage_of(report),
        eta_seconds=seconds_left(report, queue),
        queue_position=queue.ahead if queue is not None and report.status == "PENDING" else None,
    )


def _waiting_for(report: Report) -> WaitingFor | None:
    if report.status != "PENDING" or report.waiting_for is None:
        return None
    return WaitingFor.model_validate(
        {
            "dependency": report.waiting_for,
            "since": report.waiting_since,
            "next_attempt_at": report.next_attempt_at,
            "detail": report.waiting_detail,
        }
    )


def _error(report: Report) -> ErrorView | None:
    if report.error_code is None:
        return None
    return ErrorView(code=report.error_code, detail=report.error_detail or "")
