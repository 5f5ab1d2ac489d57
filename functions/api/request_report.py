"""POST /api/v1/reports/generate: a checked request becomes a PENDING row, then a message."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from api.models import ReportRequest
from resma.catalogue import find_report_type
from resma.database import Database
from resma.errors import Fault, IdempotencyKeyInvalid, RequestInvalid, ResmaError
from resma.job_queue import mark_enqueued, send_job
from resma.locales import LOCALES
from resma.reports import NewReport, Report, insert_report

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

logger = Logger(child=True)

# The draft's key is a quoted string (RFC 8941 §3.3.3); most clients send it bare, so both are taken.
_KEY = re.compile(r'"(?P<quoted>[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x5b\x5d-\x7e]{1,255})')


@dataclass(frozen=True)
class Queue:
    """Where jobs go."""

    sqs: SQSClient
    url: str


def request_report(
    database: Database, queue: Queue, tenant_id: str, request: ReportRequest, idempotency_key: str | None
) -> Report:
    """Returns the report that the request made, or that the same key made before.

    The row is committed before this returns. If the queue is away the row waits in the outbox, and the tick sends
    it. Raises RequestInvalid and the IdempotencyKey errors; nothing is written then.
    """
    new = _check(tenant_id, request, _parse_key(idempotency_key))
    with database.transaction(tenant_id) as connection:
        report, is_new = insert_report(connection, new)
    if is_new:
        _enqueue(database, queue, report)
    return report


def _check(tenant_id: str, request: ReportRequest, key: str | None) -> NewReport:
    report_type = find_report_type(request.type)
    filters = report_type.check_filters(request.filters)
    report_type.choose_columns(request.columns)
    _check_setting(request)
    # What was understood, the same however it was said.
    understood: dict[str, Any] = {
        "type": request.type,
        "formats": request.wanted_formats,
        "filters": filters,
        "columns": request.columns,
        "locale": request.locale,
        "time_zone": request.time_zone,
        "title": request.title,
        "options": request.options.model_dump(),
        "callback_url": request.callback_url,
    }
    return NewReport(
        tenant_id=tenant_id,
        report_id=uuid4(),
        idempotency_key=key,
        request_sha256=hashlib.sha256(json.dumps(understood, sort_keys=True).encode()).hexdigest(),
        **understood,
    )


def _check_setting(request: ReportRequest) -> None:
    """Locale, time zone, and options of formats that are asked for. Raises RequestInvalid with all that is wrong."""
    faults = []
    if request.locale not in LOCALES:
        faults.append(Fault("/locale", f"there is no such locale; there are {', '.join(LOCALES)}"))
    if not _is_time_zone(request.time_zone):
        faults.append(Fault("/timeZone", "give the name of an IANA time zone, like America/Sao_Paulo"))
    said = {name.upper() for name in request.options.model_fields_set}
    faults += [
        Fault(f"/options/{name.lower()}", f"the report is not asked for as {name}: leave its options out")
        for name in sorted(said.difference(request.wanted_formats))
    ]
    if faults:
        raise RequestInvalid("the report can't be made so", tuple(faults))


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, or one too long
        return False
    # Names of files that hold no zone, and of the machine's own, which the database would not know.
    return name not in {"localtime", "posixrules", "Factory"} and not name.startswith(("posix/", "right/"))


def _parse_key(header: str | None) -> str | None:
    if header is None:
        return None
    if (match := _KEY.fullmatch(header.strip())) is None:
        raise IdempotencyKeyInvalid(
            'the Idempotency-Key can\'t be used: send 1 to 255 printable ASCII characters, like "8e03978e-40d5"'
        )
    return match["quoted"] or match["bare"]


def _enqueue(database: Database, queue: Queue, report: Report) -> None:
    try:
        send_job(queue.sqs, queue.url, report.tenant_id, report.report_id)
    except (ClientError, BotoCoreError) as error:
        logger.warning(
            "the queue is away; the tick will send the job",
            report_id=str(report.report_id),
            error=type(error).__name__,
        )
        return
    try:
        with database.transaction(report.tenant_id) as connection:
            mark_enqueued(connection, report.tenant_id, report.report_id)
    except ResmaError as error:
        # The report is accepted and sent; at worst the tick sends it again, which does no harm.
        logger.warning("not marked as sent", report_id=str(report.report_id), error=error.code)
