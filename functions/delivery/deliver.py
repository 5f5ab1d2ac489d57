"""Delivers the files of reports to destinations: claimed, recorded, and repeated until they have arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any

from aws_lambda_powertools import Logger

from delivery.claims import (
    MAX_ATTEMPTS,
    AttemptOutcome,
    DeliveryClaim,
    begin_file,
    claim_next,
    find_last_position,
    finish_file,
    keep_lease,
    record_outcome,
    save_progress,
)
from delivery.email_delivery import EmailJob, deliver_email
from delivery.errors import (
    DeliveryError,
    EncryptionMissingError,
    PersonalDataNotAllowedError,
    ReportGoneError,
    SettingsNotAllowedError,
    TimeUpError,
)
from delivery.heartbeat import heartbeat
from delivery.mail import MailSettings
from delivery.outgoing import Progress, ReportStore, Target, Transport
from delivery.planned_files import PlannedFile, plan_report
from delivery.planned_test import plan_test
from delivery.reading import outgoing_file
from delivery.transports import open_transport
from resma.aws.metrics import Metric, emit
from resma.aws.tracing import traced
from resma.database.connection import Database
from resma.destinations.email_settings import EmailSettings
from resma.destinations.kinds import check_destination_settings
from resma.destinations.paths import fill_pattern
from resma.destinations.queue import DeliveryMessage
from resma.destinations.settings import DestinationRules
from resma.destinations.tenant_rules import rules_of_tenant
from resma.errors import DatabaseUnavailableError, LeaseLostError, ResmaError
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, find_report
from resma.request_errors import RequestInvalidError
from resma.short_text import shorten_words

logger = Logger(child=True)

_MAX_DETAIL = 1000
"""Maximum length of the recorded message of an error, in characters."""

IsTimeLeft = Callable[[], bool]


@dataclass(frozen=True)
class DeliveryResources:
    """Connections and settings of the delivery function."""

    system: Database
    store: ReportStore
    rules: DestinationRules
    mail: MailSettings = field(default_factory=MailSettings)


def deliver_due(resources: DeliveryResources, message: DeliveryMessage, is_time_left: IsTimeLeft) -> int:
    """Makes the due deliveries to a destination one after another, while time is left. Returns how many were tried.

    Stops after a temporary error, because the next delivery would meet it too: the scheduler sends another message each
    minute while a delivery is due. Safe to call twice and concurrently.
    """
    tried = 0
    while is_time_left():
        with resources.system.transaction(message.tenant_id) as connection:
            claim = claim_next(connection, message.tenant_id, message.destination_id)
        if claim is None:
            break
        tried += 1
        if not _attempt(resources, claim, is_time_left):
            break
    return tried


def _attempt(resources: DeliveryResources, claim: DeliveryClaim, is_time_left: IsTimeLeft) -> bool:
    """Makes and records an attempt. Returns whether the destination works, so that another delivery may follow."""
    about: dict[str, Any] = {
        "tenant_id": claim.tenant_id,
        "report_id": claim.report_id and str(claim.report_id),
        "delivery_id": claim.delivery_id,
        "destination_id": claim.destination_id,
        "attempt": claim.attempts,
    }
    started = time.monotonic()
    with traced("deliver files", report_id=str(claim.report_id), attempt=claim.attempts):
        try:
            result = _result(resources, claim, is_time_left)
            result = AttemptOutcome(**{**vars(result), "milliseconds": round(1000 * (time.monotonic() - started))})
            with resources.system.transaction(claim.tenant_id) as connection:
                status = record_outcome(connection, claim, result)
        except LeaseLostError:
            logger.warning("a delivery has ended, or another function has it", **about)
            return False
    logger.info("an attempt at a delivery was made", **about, **vars(result), delivery=status)
    emit(
        {
            Metric.REPORTS_DELIVERED: int(status == "DELIVERED"),
            Metric.DELIVERY_ATTEMPTS_FAILED: int(result.outcome == "FAILED"),
            Metric.DELIVERIES_ABANDONED: int(status == "FAILED"),
            Metric.DELIVERY_SECONDS: result.milliseconds / 1000,
        },
        about=about,
    )
    return result.outcome == "DELIVERED" or result.is_permanent


def _result(resources: DeliveryResources, claim: DeliveryClaim, is_time_left: IsTimeLeft) -> AttemptOutcome:
    """Makes an attempt, and returns its result. Raises LeaseLostError and DatabaseUnavailableError."""
    try:
        _deliver(resources, claim, is_time_left)
    except TimeUpError:
        return AttemptOutcome("CONTINUED", 0)
    except DeliveryError as error:
        return AttemptOutcome("FAILED", 0, error.code, shorten_words(str(error), _MAX_DETAIL), error.is_permanent)
    except (LeaseLostError, DatabaseUnavailableError):
        raise
    except Exception as error:
        # An error of this function. It is recorded and retried, so that it does not delay other deliveries.
        logger.exception("a delivery has failed unexpectedly", delivery_id=claim.delivery_id)
        code = error.code if isinstance(error, ResmaError) else "internal"
        return AttemptOutcome("FAILED", 0, code, f"An internal error ({type(error).__name__}). It is tried again.")
    return AttemptOutcome("DELIVERED", 0)


def _deliver(resources: DeliveryResources, claim: DeliveryClaim, is_time_left: IsTimeLeft) -> None:
    with resources.system.transaction(claim.tenant_id) as connection:
        rules = rules_of_tenant(connection, claim.tenant_id, resources.rules)
    try:
        settings = check_destination_settings(claim.kind, claim.settings, rules)
    except RequestInvalidError as error:
        raise SettingsNotAllowedError(f"The settings of the destination are not valid. {error.detail}") from error
    report = _report_of(resources, claim)
    with heartbeat(partial(_renew, resources, claim)) as lost:
        if isinstance(settings, EmailSettings):
            deliver_email(
                EmailJob(
                    system=resources.system,
                    store=resources.store,
                    claim=claim,
                    settings=settings,
                    stage=rules.stage,
                    max_attachment_bytes=rules.email_attachment_bytes,
                    mail=resources.mail,
                    report=report,
                    is_time_left=is_time_left,
                    is_lost=lost.is_set,
                )
            )
        else:
            files = _files_of(resources, claim, report)
            target = Target(claim.tenant_id, claim.destination_id, settings, rules, resources.store)
            with closing(open_transport(claim.kind, target)) as transport:
                attempt = _Attempt(resources, claim, transport, settings.name_pattern, is_time_left)
                _deliver_files(attempt, files, lost)


def _deliver_files(attempt: _Attempt, files: Iterator[PlannedFile], lost: Event) -> None:
    """Delivers the files one after the other. Raises DeliveryError, TimeUpError and LeaseLostError."""
    for file in files:
        if lost.is_set():
            raise LeaseLostError(f"This function has lost the delivery {attempt.claim.delivery_id}.")
        _deliver_file(attempt, file)
        if not attempt.is_time_left():
            raise TimeUpError


def _renew(resources: DeliveryResources, claim: DeliveryClaim) -> None:
    with resources.system.transaction(claim.tenant_id) as connection:
        keep_lease(connection, claim)


def _report_of(resources: DeliveryResources, claim: DeliveryClaim) -> Report | None:
    """Returns the report; None for a test file.

    Raises ReportGoneError, PersonalDataNotAllowedError and EncryptionMissingError.
    """
    if claim.report_id is None:
        return None
    with resources.system.transaction(claim.tenant_id) as connection:
        report = find_report(connection, claim.tenant_id, claim.report_id)
    if report.status != "READY":
        raise ReportGoneError("The files of the report were deleted because they expired. Request it again.")
    if shows_personal(report) and not claim.accepts_personal:
        raise PersonalDataNotAllowedError(
            "The files show personal data, and a caller without the scope personal:read wrote the settings or the "
            "certificates of the destination. Have a caller with this scope save both in one request, and replay the "
            "delivery."
        )
    if claim.requires_encryption and not report.encrypt_for:
        raise EncryptionMissingError(
            "The report was requested before the destination had certificates, so its files are not encrypted. Request "
            "it again: its files are then encrypted for the destination."
        )
    return report


def _files_of(resources: DeliveryResources, claim: DeliveryClaim, report: Report | None) -> Iterator[PlannedFile]:
    """Returns the files that are still to be delivered."""
    with resources.system.transaction(claim.tenant_id) as connection:
        after = find_last_position(connection, claim)
    if report is None:
        return iter(() if after else (plan_test(resources.system, claim, resources.rules.stage),))
    return plan_report(resources.system, report, after)


@dataclass(frozen=True)
class _Attempt:
    """An attempt in progress."""

    resources: DeliveryResources
    claim: DeliveryClaim
    transport: Transport
    name_pattern: str
    is_time_left: IsTimeLeft


def _deliver_file(attempt: _Attempt, file: PlannedFile) -> None:
    """Delivers a file, and records it before and after. Raises DeliveryError, TimeUpError and LeaseLostError."""
    claim, system = attempt.claim, attempt.resources.system
    name = fill_pattern(attempt.name_pattern, type_=file.type, day=file.day, report=file.report, file=file.own_name)
    with system.transaction(claim.tenant_id) as connection:
        name, state = begin_file(connection, claim, file.position, name, file.size, file.sha256)

    def record(progress: dict[str, Any] | None) -> None:
        with system.transaction(claim.tenant_id) as connection:
            save_progress(connection, claim, file.position, progress)

    outgoing = outgoing_file(attempt.resources.store, file, name)
    is_last = claim.counted_attempts >= MAX_ATTEMPTS
    progress = Progress(state, record, attempt.is_time_left, is_last_attempt=is_last)
    try:
        attempt.transport.deliver(outgoing, progress)
    except DeliveryError:
        progress.flush()
        raise
    with system.transaction(claim.tenant_id) as connection:
        finish_file(connection, claim, file.position)
