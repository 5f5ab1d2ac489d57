"""Submission of requests by callers, schedules and events: validation, the PENDING row, and the job's message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from resma.catalog import ReportType, find_report_type, offered_locales, unknown_locale
from resma.database.connection import Database
from resma.encryption.deployment_key import DeploymentKey
from resma.encryption.sealed_pdf_key import seal_password
from resma.i18n.time_zones import is_time_zone, unknown_time_zone
from resma.jobs.queue import JobQueue, send_jobs
from resma.jobs.report_rows import NewReport, Report, insert_report
from resma.request_errors import FieldError, RequestInvalidError, collect_errors, first_part, json_pointer
from resma.requests.condition_errors import find_condition_errors
from resma.requests.receivers import find_receiver_errors, with_certificates_of_destinations
from resma.requests.report_request import ReportRequest
from resma.requests.retention import (
    choose_retention,
    find_retention_errors,
    find_tenant_retention_errors,
    require_tenant_retention,
)

logger = Logger(child=True)

# The IETF draft defines the key as a quoted string (RFC 8941 §3.3.3). Most clients omit the quotes, so both are
# accepted.
_KEY = re.compile(r'"(?P<quoted>[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x5b\x5d-\x7e]{1,255})')


@dataclass(frozen=True)
class StartedRun:
    """The run of a schedule that requests a report."""

    schedule_id: str
    record: Callable[[Connection[TupleRow], Report], None]
    """Records the run in the transaction that inserts its report, if the report is new."""
    pdf_key: Mapping[str, Any] | None = None
    """Sealed key of the schedule's PDF files; None if they are not encrypted."""


def request_report(  # noqa: PLR0913  # the request, the caller and the resources
    database: Database,
    queue: JobQueue,
    caller: Caller,
    request: ReportRequest,
    idempotency_key: str | None,
    *,
    sealing: DeploymentKey,
    retry_of: UUID | None = None,
    pdf_key: Mapping[str, Any] | None = None,
    more_errors: Iterable[FieldError] = (),
    run: StartedRun | None = None,
) -> tuple[Report, bool]:
    """Submits a request. Returns its report and whether the report is new.

    It is not new if the idempotency key was used before, or if the request was deduplicated. Keys of a retry
    (`retry_of`) are separate from keys of requests and of other reports' retries. A password of the request is sealed
    with `sealing`; a request without one gets the sealed `pdf_key` of the report that it retries, or of its schedule.

    The row is committed before this function returns, and its message is sent. If the queue is unavailable, the row
    stays in the outbox and the scheduler sends the message. Raises RequestInvalidError (also for `more_errors`),
    ScopeMissingError, QuotaExceededError, SecretUnavailableError, the IdempotencyKey errors and those of `run.record`;
    then nothing is written.
    """
    tenant_errors = find_tenant_retention_errors(database, caller.tenant_id, request)
    field_errors = [*more_errors, *tenant_errors, *idempotency_key_errors(idempotency_key)]
    if request.deliver_to or request.encrypt_for:
        with database.transaction(caller.tenant_id) as connection:
            field_errors += find_receiver_errors(connection, caller, request)
    new = check_request(caller, request, field_errors)
    if run is not None:
        new, pdf_key = replace(new, schedule_id=run.schedule_id), run.pdf_key
    new = with_pdf_key(new, seal_password(sealing, caller.tenant_id, request.options.pdf) or pdf_key)
    key = _parse_key(idempotency_key)
    if key is not None and retry_of is not None:
        key = f'retry "{retry_of}" {key}'  # unambiguous, because keys contain no quotes
    with traced("request report", report_type=request.type) as annotations:
        with database.transaction(caller.tenant_id) as connection:
            report, is_new = admit_report(connection, new, key, deduplicate=request.deduplicate)
            if run is not None and is_new:
                run.record(connection, report)
        annotations["report_id"] = str(report.report_id)
    if is_new:
        record_request(report)
        send_jobs(database, queue, caller.tenant_id, [report.report_id])
    return report, is_new


def admit_report(
    connection: Connection[TupleRow], new: NewReport, idempotency_key: str | None = None, *, deduplicate: bool = False
) -> tuple[Report, bool]:
    """Inserts the row of a validated request in the open transaction. Returns it and whether it is new.

    Its files are encrypted for the certificates that its destinations have now, too.

    The caller commits, and then calls `record_request` and `send_jobs`. Raises QuotaExceededError, the IdempotencyKey
    errors, and RequestInvalidError if the request names a longer retention than the tenant may use, or if a destination
    could not decrypt the files.
    """
    new = with_certificates_of_destinations(connection, new)
    requested_days = new.retention_days if new.retention_requested else None
    require_tenant_retention(connection, new.tenant_id, requested_days)
    report, is_new = insert_report(connection, new, idempotency_key, deduplicate=deduplicate)
    if is_new:
        require_quota(connection, new.tenant_id, is_split=new.split_by is not None)
    return report, is_new


def record_request(report: Report) -> None:
    """Logs a new request, and counts it in the metrics."""
    about: dict[str, Any] = {"report_id": str(report.report_id), "tenant_id": report.tenant_id}
    logger.info("a report was requested", **about, type=report.type, formats=report.formats)
    emit({Metric.REPORTS_REQUESTED: 1}, report.type, about)


def check_request(caller: Caller, request: ReportRequest, more_errors: Iterable[FieldError] = ()) -> NewReport:
    """Validates a caller's request, and returns the row to insert. Writes nothing.

    The row has neither the key of its PDF files nor the certificates of its destinations.

    Raises RequestInvalidError with all validation errors, including `more_errors` of the calling function; raises
    ScopeMissingError.
    """
    field_errors = [*find_errors(request), *more_errors]
    if field_errors:
        raise RequestInvalidError.of(field_errors)
    report_type = find_report_type(request.type)
    filters = report_type.check_filters(request.filters, request.split_by or ())
    _check_personal_filters(caller, report_type, filters, request.split_by or ())
    # The normalized content of the request. Requests with the same content can share a report.
    normalized: dict[str, Any] = {
        "type": request.type,
        "formats": request.requested_formats,
        "filters": filters,
        "columns": request.columns,
        "locale": request.locale,
        "time_zone": request.time_zone,
        "title": request.title,
        "personal_masked": "personal:read" not in caller.scopes,
        "options": request.options.as_json(),
        "callback_url": request.callback_url,
    }
    if request.deliver_to:  # other requests keep the hash that they had before files could be delivered
        normalized |= {"deliver_to": request.deliver_to}
    if request.encrypt_for:  # other requests keep the hash that they had before files could be encrypted
        normalized |= {"encrypt_for": request.encrypt_for}
    if request.split_by:  # other requests keep the hash that they had before reports could be split
        normalized |= {"split_by": request.split_by, "zip": request.zip}
    content = dict(normalized)
    if request.retention_days is not None:
        normalized |= {"retention_days": request.retention_days}
    only_if = request.only_if.model_dump(mode="json", by_alias=True, exclude_defaults=True) if request.only_if else None
    unconditional = _hash(normalized)
    return NewReport(
        tenant_id=caller.tenant_id,
        report_id=uuid4(),
        request_sha256=_hash({**normalized, "only_if": only_if}) if only_if else unconditional,
        unconditional_sha256=unconditional if only_if else None,
        requested_by=caller.subject,
        only_if=only_if,
        retention_days=choose_retention(request, report_type),
        retention_requested=request.retention_days is not None,
        encrypt_for_requested=request.encrypt_for,
        **content,
    )


def with_pdf_key(new: NewReport, pdf_key: Mapping[str, Any] | None) -> NewReport:
    """Returns a validated request with the sealed key of its PDF files, if it has any.

    The password is a part of the request: with another one, the request has another hash.
    """
    if pdf_key is None or "PDF" not in new.formats:
        return new

    def add_password(sha256: str) -> str:
        return _hash({"request": sha256, "pdf_password": pdf_key["fingerprint"]})

    return replace(
        new,
        pdf_key=dict(pdf_key),
        request_sha256=add_password(new.request_sha256),
        unconditional_sha256=new.unconditional_sha256 and add_password(new.unconditional_sha256),
    )


def _hash(normalized: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(normalized, sort_keys=True).encode()).hexdigest()


def find_errors(request: ReportRequest) -> list[FieldError]:
    """Returns the validation errors of a request that do not depend on the caller."""
    field_errors: list[FieldError] = []
    report_type = None
    with collect_errors(field_errors):
        report_type = find_report_type(request.type)
        # If `splitBy` is wrong, it is unknown which filters of these columns are required, and none is reported.
        by = report_type.split.by if report_type.split else ()
        split_by: Sequence[str] = [name for name in by if request.filters.get(name) is None]
        with collect_errors(field_errors):
            report_type.check_split_by(request.split_by)
            split_by = request.split_by or ()
        with collect_errors(field_errors):
            report_type.check_filters(request.filters, split_by)
        with collect_errors(field_errors):
            report_type.choose_columns(request.columns)
    if request.only_if is not None:
        field_errors += find_condition_errors(report_type, request.only_if)
    return [*field_errors, *_setting_errors(request)]


def _check_personal_filters(
    caller: Caller, report_type: ReportType, filters: Mapping[str, Any], split_by: Sequence[str]
) -> None:
    """Raises ScopeMissingError if a filter, or a column to split by, is personal and the caller may not see it.

    Otherwise callers could find out values of the column by trying filters. A split column has a filter of its name,
    which is personal if the column is.
    """
    for index, name in enumerate(split_by):
        if any(item.personal for item in report_type.filters if item.name == name):
            field_error = FieldError(
                json_pointer("splitBy", index), "Remove it: the values of this column are masked for you."
            )
            require_scope(caller, "personal:read", (field_error,))
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
    """Returns the validation errors of those properties of a request that have the right type and form.

    `wrong` has the names of the other top-level properties. `more_errors` returns errors that depend on the deployment.
    Properties that depend on a wrong one, as filters depend on the type, are not checked.
    """
    valid = {name: value for name, value in body.items() if name not in wrong}
    unknown = set(wrong)
    if "type" not in valid:
        valid["type"] = ""
        unknown.add("type")
    if not {"format", "formats"} & valid.keys() or {"format", "formats"} & unknown:
        valid = {name: value for name, value in valid.items() if name not in {"formats", "options"}} | {"format": "CSV"}
    if "splitBy" in unknown:  # it determines which filters are required
        unknown |= {"filters", "zip"}
    try:
        request = ReportRequest.model_validate(valid)
    except ValidationError:
        return []
    field_errors = (*find_errors(request), *more_errors(request))
    return [field_error for field_error in field_errors if first_part(field_error.pointer) not in unknown]


def _setting_errors(request: ReportRequest) -> Iterator[FieldError]:
    """Returns errors of `zip`, retention, locale, time zone, and options of formats that are not requested."""
    if request.zip and not request.split_by:
        yield FieldError("/zip", "Only a split report has a ZIP archive. Set `splitBy`, or remove `zip`.")
    yield from find_retention_errors(request)
    if request.locale not in (locales := offered_locales()):
        yield FieldError("/locale", unknown_locale(locales))
    if not is_time_zone(request.time_zone):
        yield FieldError("/timeZone", unknown_time_zone(request.time_zone))
    formats_with_options = {name.upper() for name in request.options.model_fields_set}
    for name in sorted(formats_with_options.difference(request.requested_formats)):
        yield FieldError(
            f"/options/{name.lower()}", f"The request does not include the format {name}. Remove its options."
        )


def idempotency_key_errors(header: str | None) -> Iterator[FieldError]:
    """Returns the validation error of an Idempotency-Key header, if it exists and is not valid."""
    if header is not None and _KEY.fullmatch(header.strip()) is None:
        yield FieldError("/Idempotency-Key", "It must be 1 to 255 printable ASCII characters, like `8e03978e-40d5`.")


def _parse_key(header: str | None) -> str | None:
    match = None if header is None else _KEY.fullmatch(header.strip())
    return match and (match["quoted"] or match["bare"])
