"""A checked request becomes a PENDING row, then a message: a caller's, a schedule's or an event's."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from uuid import UUID, uuid4

from aws_lambda_powertools import Logger
from psycopg import Connection
from psycopg.rows import TupleRow

from resma.caller import Caller, require_scope
from resma.catalogue import ReportType, find_report_type
from resma.database import Database
from resma.dispatch import dispatch_next
from resma.errors import Fault, IdempotencyKeyInvalid, RequestInvalid, json_pointer
from resma.job_queue import Queue
from resma.locales import LOCALES
from resma.metrics import Metric, emit
from resma.quotas import require_room
from resma.report_request import ReportRequest
from resma.reports import NewReport, Report, insert_report
from resma.time_zones import ADVICE, is_time_zone
from resma.tracing import traced

logger = Logger(child=True)

# The draft's key is a quoted string (RFC 8941 §3.3.3); most clients send it bare, so both are taken.
_KEY = re.compile(r'"(?P<quoted>[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x5b\x5d-\x7e]{1,255})')


def request_report(  # noqa: PLR0913  # what is asked for, by whom, and by whose means
    database: Database,
    queue: Queue,
    caller: Caller,
    request: ReportRequest,
    idempotency_key: str | None,
    *,
    retry_of: UUID | None = None,
) -> tuple[Report, bool]:
    """Returns the report that the request made, or got: by the same key before, or by joining; and whether it is new.

    A key that came with a retry is another than the same one with a request, or with another report's retry.

    The row is committed before this returns. If the queue is away, or the tenant has enough jobs in it, the row waits
    in the outbox; whoever ends one of them, or the tick, sends it. Raises RequestInvalid, ScopeMissing, QuotaExceeded
    and the IdempotencyKey errors; nothing is written then.
    """
    key = _parse_key(idempotency_key)
    if key is not None and retry_of is not None:
        key = f'retry "{retry_of}" {key}'  # no key has quotes in it
    new = check_request(caller, request)
    with traced("ask for report", report_type=request.type) as noted:
        with database.transaction(caller.tenant_id) as connection:
            report, is_new = admit_report(connection, new, key, coalesce=request.coalesce)
        noted["report_id"] = str(report.report_id)
    if is_new:
        note_request(report)
        dispatch_next(database, queue, caller.tenant_id)
    return report, is_new


def admit_report(
    connection: Connection[TupleRow], new: NewReport, idempotency_key: str | None = None, *, coalesce: bool = False
) -> tuple[Report, bool]:
    """Writes the row of a checked request if its tenant has room for it, as part of the transaction.

    Whoever commits it calls `note_request` and `dispatch_next` afterwards; the second may be left to the tick. Raises
    QuotaExceeded and the IdempotencyKey errors.
    """
    report, is_new = insert_report(connection, new, idempotency_key, coalesce=coalesce)
    if is_new:
        require_room(connection, new.tenant_id)
    return report, is_new


def note_request(report: Report) -> None:
    """Says in the log and counts in the metrics that a report was asked for."""
    about: dict[str, Any] = {"report_id": str(report.report_id), "tenant_id": report.tenant_id}
    logger.info("a report was asked for", **about, type=report.type, formats=report.formats)
    emit({Metric.REPORTS_REQUESTED: 1}, report.type, about)


def check_request(caller: Caller, request: ReportRequest) -> NewReport:
    """What a caller's request comes to. Writes nothing. Raises RequestInvalid, ScopeMissing."""
    report_type = find_report_type(request.type)
    filters = report_type.check_filters(request.filters)
    report_type.choose_columns(request.columns)
    _check_personal_filters(caller, report_type, filters)
    _check_setting(request)
    # What was understood, the same however it was said; requests that agree in it can share a report.
    understood: dict[str, Any] = {
        "type": request.type,
        "formats": request.wanted_formats,
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


def _check_personal_filters(caller: Caller, report_type: ReportType, filters: dict[str, Any]) -> None:
    """Who may not see a personal column may not feel for its values either, filter by filter. Raises ScopeMissing."""
    for item in report_type.filters:
        if item.personal and item.name in filters:
            fault = Fault(json_pointer("filters", item.name), "leave it out: it is by what is masked for you")
            require_scope(caller, "personal:read", (fault,))


def _check_setting(request: ReportRequest) -> None:
    """Locale, time zone, and options of formats that are asked for. Raises RequestInvalid with all that is wrong."""
    faults = []
    if request.locale not in LOCALES:
        faults.append(Fault("/locale", f"there is no such locale; there are {', '.join(LOCALES)}"))
    if not is_time_zone(request.time_zone):
        faults.append(Fault("/timeZone", ADVICE))
    said = {name.upper() for name in request.options.model_fields_set}
    faults += [
        Fault(f"/options/{name.lower()}", f"the report is not asked for as {name}: leave its options out")
        for name in sorted(said.difference(request.wanted_formats))
    ]
    if faults:
        raise RequestInvalid("the report can't be made so", tuple(faults))


def _parse_key(header: str | None) -> str | None:
    if header is None:
        return None
    if (match := _KEY.fullmatch(header.strip())) is None:
        raise IdempotencyKeyInvalid(
            'the Idempotency-Key can\'t be used: send 1 to 255 printable ASCII characters, like "8e03978e-40d5"'
        )
    return match["quoted"] or match["bare"]
