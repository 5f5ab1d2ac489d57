"""The receivers of a report: its destinations, and the certificates that its files are encrypted for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.access.caller import Caller
from resma.destinations.destination_rows import DestinationRow, find_destinations
from resma.destinations.request_check import deliver_to_errors
from resma.encryption.certificate_ids import MAX_CERTIFICATES_PER_REPORT
from resma.encryption.certificate_rows import encrypt_for_errors, find_certificates, find_problem
from resma.jobs.personal_data import personal_content
from resma.jobs.report_rows import NewReport
from resma.report.content import ReportContent
from resma.request_errors import FieldError, RequestInvalidError, json_pointer
from resma.requests.report_request import ReportRequest


def find_receiver_errors(
    connection: Connection[TupleRow], caller: Caller, request: ReportRequest, *, is_stored: bool = False
) -> list[FieldError]:
    """Returns the validation errors of `deliverTo` and `encryptFor`, which depend on rows of the tenant.

    With `is_stored`, for the request of a schedule, none of these rows can be deleted before the end of the
    transaction. It takes a connection, because callers may have a transaction open: `Database` has one connection.
    """
    tenant_id, named = caller.tenant_id, request.deliver_to or ()
    # Destinations are locked before certificates, as by a change of a destination. Otherwise both could wait forever.
    rows = find_destinations(connection, tenant_id, named, for_share=is_stored) if named else []
    found = list(encrypt_for_errors(connection, tenant_id, request.encrypt_for or (), lock=is_stored))
    if not named:
        return found
    is_personal = "personal:read" in caller.scopes and _has_personal_content(request)
    found += deliver_to_errors(rows, named, is_personal=is_personal)
    found += _unusable_certificates(connection, tenant_id, rows, named)
    return [*found, *_mixture_errors(rows, named, request.encrypt_for)]


def with_certificates_of_destinations(connection: Connection[TupleRow], new: NewReport) -> NewReport:
    """Returns a validated request with all certificates that its files are encrypted for.

    They are those that it names itself, and then those that its destinations have now, each once. Raises
    RequestInvalidError if the files would be encrypted and a destination has no certificate for them, or if there are
    too many certificates.
    """
    if not new.deliver_to:
        return new
    rows = find_destinations(connection, new.tenant_id, new.deliver_to)
    if errors := list(_mixture_errors(rows, new.deliver_to, new.encrypt_for_requested)):
        raise RequestInvalidError.of(errors)
    return replace(new, encrypt_for=_all_certificates(rows, new.deliver_to, new.encrypt_for_requested) or None)


def _all_certificates(
    rows: Sequence[DestinationRow], destination_ids: Sequence[str], requested: Sequence[str] | None
) -> list[str]:
    """Returns the ids of the certificates, in the order of the request. They do not depend on the order of `rows`."""
    by_id = {row.destination_id: row.encrypt_for or () for row in rows}
    of_destinations = (each for destination_id in destination_ids for each in by_id.get(destination_id, ()))
    return list(dict.fromkeys((*(requested or ()), *of_destinations)))


def _mixture_errors(
    rows: Sequence[DestinationRow], destination_ids: Sequence[str], requested: Sequence[str] | None
) -> Iterator[FieldError]:
    """Yields an error for each destination that could not decrypt the files, and one for too many certificates."""
    certificates = _all_certificates(rows, destination_ids, requested)
    if len(certificates) > MAX_CERTIFICATES_PER_REPORT:
        yield FieldError(
            "/deliverTo",
            f"The request and its destinations name {len(certificates)} certificates. Files can be encrypted for "
            f"{MAX_CERTIFICATES_PER_REPORT} at most. Request several reports, each for some of the destinations.",
        )
    if not certificates or requested:
        return
    by_id = {row.destination_id: row for row in rows}
    for index, destination_id in enumerate(destination_ids):
        row = by_id.get(destination_id)
        if row is not None and not row.encrypt_for:
            yield FieldError(
                json_pointer("deliverTo", index),
                f"The files would be encrypted for the certificates of another destination, and '{row.name}' could not "
                "decrypt them. Name its certificate in `encryptFor`, or give the destination certificates of its own, "
                "or request a report for it alone.",
            )


def _unusable_certificates(
    connection: Connection[TupleRow], tenant_id: str, rows: Sequence[DestinationRow], destination_ids: Sequence[str]
) -> Iterator[FieldError]:
    """Yields an error for each destination with certificates for which files cannot be encrypted any longer."""
    by_id = {row.destination_id: row for row in rows if row.encrypt_for}
    named = {each for row in by_id.values() for each in row.encrypt_for or ()}
    certificates = find_certificates(connection, tenant_id, list(named)) if named else {}
    for index, destination_id in enumerate(destination_ids):
        if (row := by_id.get(destination_id)) is None:
            continue
        problems = [
            problem
            for each in row.encrypt_for or ()
            if (certificate := certificates.get(each)) is not None and (problem := find_problem(certificate))
        ]
        if problems:
            yield FieldError(
                json_pointer("deliverTo", index),
                f"Files for the destination '{row.name}' cannot be encrypted. {' '.join(problems)} Name another "
                "certificate in `encryptFor` of the destination.",
            )


def _has_personal_content(request: ReportRequest) -> bool:
    """Returns whether a request has personal columns or filters; False if its type is unknown, which is an error."""
    content = ReportContent(
        type=request.type,
        formats=request.requested_formats,
        filters=request.filters,
        columns=request.columns,
        locale=request.locale,
        time_zone=request.time_zone,
        title=request.title,
        personal_masked=False,
        options={},
        split_by=request.split_by,
    )
    return any(personal_content(content) or ())
