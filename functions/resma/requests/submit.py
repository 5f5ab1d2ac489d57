"""A checked request becomes a PENDING row, then a message: a caller's, a schedule's or an event's."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import ValidationError

from resma.access.caller import Caller, require_scope
from resma.access.quotas import require_quota
from resma.aws.metrics import Metric, emit
from resma.aws.tracing import traced
from resma.catalog import ReportType, find_report_type
from resma.database.connection import Database
from resma.errors import FieldError, RequestInvalidError, collect_errors, first_part, json_pointer
from resma.i18n.locales import LOCALES
from resma.i18n.time_zones import is_time_zone, unknown_time_zone
from resma.jobs.queue import JobQueue, send_jobs
from resma.jobs.report_rows import NewReport, Report, insert_report
from resma.requests.report_request import ReportRequest

logger = Logger(child=True)

# The draft's key is a quoted string (RFC 8941 §3.3.3); most clients send it bare, so both are taken.
_KEY = re.compile(r'"(?P<quoted>[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x5b\x5d-\x7e]{1,255})')


def request_report(  # noqa: PLR0913  # what is asked for, by whom, and by whose means
    database: Database,
    queue: JobQueue,
    caller: Caller,
    request: ReportRequest,
    idempotency_key: str | None,
    *,
    retry_of: UUID | None = None,
    more_errors: Iterable[FieldError] = (),
) -> tuple[Report, bool]:
    """Returns the report that the request made, or got: by the same key before, or by joining; and whether it is new.

    A key that came with a retry is another than the same one with a request, or with another report's retry.

    The row is committed before this returns, and its message sent. If the queue is away, the row waits in the outbox
    and the scheduler sends it. Raises RequestInvalidError (also for `more_faults`), ScopeMissingError,
    QuotaExceededError and the IdempotencyKey errors; nothing is written then.
    """
    new = check_request(caller, request, [*more_errors, *idempotency_key_errors(idempotency_key)])
    key = _parse_key(idempotency_key)
    if key is not None and retry_of is not None:
        key = f'retry "{retry_of}" {key}'  # no key has quotes in it
    with traced("ask for report", report_type=request.type) as noted:
        with database.transaction(caller.tenant_id) as connection:
            report, is_new = admit_report(connection, new, key, deduplicate=request.deduplicate)
        noted["report_id"] = str(report.report_id)
    if is_new:
        record_request(report)
        send_jobs(database, queue, caller.tenant_id, [report.report_id])
    return report, is_new


def admit_report(
    connection: Connection[TupleRow], new: NewReport, idempotency_key: str | None = None, *, deduplicate: bool = False
) -> tuple[Report, bool]:
    """Writes the row of a checked request if its tenant has room for it, as part of the transaction.

    The caller commits, then calls `note_request` and `send_jobs`. Raises QuotaExceededError and the IdempotencyKey
    errors.
    """
    report, is_new = insert_report(connection, new, idempotency_key, deduplicate=deduplicate)
    if is_new:
        require_quota(connection, new.tenant_id)
    return report, is_new


def record_request(report: Report) -> None:
    """Says in the log and counts in the metrics that a report was asked for."""
    about: dict[str, Any] = {"report_id": str(report.report_id), "tenant_id": report.tenant_id}
    logger.info("a report was asked for", **about, type=report.type, formats=report.formats)
    emit({Metric.REPORTS_REQUESTED: 1}, report.type, about)


def check_request(caller: Caller, request: ReportRequest, more_errors: Iterable[FieldError] = ()) -> NewReport:
    """What a caller's request comes to. Writes nothing.

    Raises RequestInvalidError with all that is wrong, and with what the caller of this function has found wrong besides
    (`more_faults`); ScopeMissingError.
    """
    field_errors = [*find_errors(request), *more_errors]
    if field_errors:
        raise RequestInvalidError.of(field_errors)
    report_type = find_report_type(request.type)
    filters = report_type.check_filters(request.filters)
    _check_personal_filters(caller, report_type, filters)
    # What was understood, the same however it was said; requests that agree in it can share a report.
    understood: dict[str, Any] = {
        "type": request.type,
        "formats": request.requested_formats,
        "filters": filters,
        "columns": request.columns,
        "locale": request.locale,
        "time_zone": request.time_zone,
        "title": request.title,
        "personal_masked": "personal:read" not in caller.scopes,
        "options": request.options.model_dump(),
        "callback_url": request.callback_url,
    }
    return NewReport(
        tenant_id=caller.tenant_id,
        report_id=uuid4(),
        request_sha256=hashlib.sha256(json.dumps(understood, sort_keys=True).encode()).hexdigest(),
        requested_by=caller.subject,
        **understood,
    )


def find_errors(request: ReportRequest) -> list[FieldError]:
    """All that is wrong with a request by itself, whoever makes it."""
    field_errors: list[FieldError] = []
    with collect_errors(field_errors):
        report_type = find_report_type(request.type)
        with collect_errors(field_errors):
            report_type.check_filters(request.filters)
        with collect_errors(field_errors):
            report_type.choose_columns(request.columns)
    return [*field_errors, *_setting_errors(request)]


def _check_personal_filters(caller: Caller, report_type: ReportType, filters: dict[str, Any]) -> None:
    """Who may not see a personal column may not feel for its values either, filter by filter.

    Raises ScopeMissingError.
    """
    for item in report_type.filters:
        if item.personal and item.name in filters:
            field_error = FieldError(
                json_pointer("filters", item.name), "Remove it: it filters by a column that is masked for you."
            )
            require_scope(caller, "personal:read", (field_error,))


def find_partial_errors(
    body: Mapping[str, Any],
    wrong: Collection[str],
    more_errors: Callable[[ReportRequest], Iterable[FieldError]],
) -> list[FieldError]:
    """All that is wrong with those properties of a request that have the right form.

    `wrong` names the top-level properties that have not, `more_faults` checks what depends on the deployment. What
    depends on a property that is wrong, such as filters on the type, is not judged.
    """
    kept = {name: value for name, value in body.items() if name not in wrong}
    unknown = set(wrong)
    if "type" not in kept:
        kept["type"] = ""
        unknown.add("type")
    if not {"format", "formats"} & kept.keys() or {"format", "formats"} & unknown:
        kept = {name: value for name, value in kept.items() if name not in {"formats", "options"}} | {"format": "CSV"}
    try:
        request = ReportRequest.model_validate(kept)
    except ValidationError:
        return []
    field_errors = (*find_errors(request), *more_errors(request))
    return [field_error for field_error in field_errors if first_part(field_error.pointer) not in unknown]


def _setting_errors(request: ReportRequest) -> Iterator[FieldError]:
    """What is wrong with locale, time zone, and options of formats that are not requested."""
    if request.locale not in LOCALES:
        yield FieldError("/locale", f"Unknown locale. It must be one of {', '.join(LOCALES)}.")
    if not is_time_zone(request.time_zone):
        yield FieldError("/timeZone", unknown_time_zone(request.time_zone))
    said = {name.upper() for name in request.options.model_fields_set}
    for name in sorted(said.difference(request.requested_formats)):
        yield FieldError(
            f"/options/{name.lower()}", f"The request does not include the format {name}. Remove its options."
        )


def idempotency_key_errors(header: str | None) -> Iterator[FieldError]:
    """What is wrong with an Idempotency-Key header, if there is one."""
    if header is not None and _KEY.fullmatch(header.strip()) is None:
        yield FieldError("/Idempotency-Key", "It must be 1 to 255 printable ASCII characters, like `8e03978e-40d5`.")


def _parse_key(header: str | None) -> str | None:
    match = None if header is None else _KEY.fullmatch(header.strip())
    return match and (match["quoted"] or match["bare"])
