"""Delivers a report by e-mail: one message to each recipient, with its files or with a link to the report's page.

What became of each message is recorded at once, so that a retry sends only to the other recipients. A message that the
server has accepted, but whose answer was lost, is sent again with the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from zoneinfo import ZoneInfo

from delivery.claims import DeliveryClaim, begin_file, finish_file, keep_lease
from delivery.email_message import (
    MAX_LISTED_FILES,
    Attachment,
    EmailContent,
    ListedFile,
    compose_email,
    message_id_of,
)
from delivery.errors import (
    RecipientDeferredError,
    RecipientRefusedError,
    RecipientsSuppressedError,
    TimeUpError,
)
from delivery.mail import Letter, Mailer, MailSettings
from delivery.mailers import open_mailer
from delivery.outgoing import ReportStore
from delivery.planned_files import PlannedFile, plan_report
from delivery.planned_test import plan_test
from delivery.reading import outgoing_file
from resma.catalog import find_locale, load_catalog
from resma.database.connection import Database
from resma.destinations.email_settings import EmailSettings
from resma.destinations.paths import fill_pattern
from resma.destinations.recipients import RecipientStatus, find_suppressed, record_recipient, statuses_of
from resma.errors import LeaseLostError
from resma.i18n.locales import Locale
from resma.i18n.translations import translate
from resma.jobs.personal_data import personal_filters
from resma.jobs.report_rows import Report

_ENDED: frozenset[RecipientStatus] = frozenset({"ACCEPTED", "REFUSED", "SUPPRESSED", "BOUNCED", "COMPLAINED"})

ENCODED_SIZE = 1.37
"""Size of an attachment in base64 with line breaks, by its size."""
TEXT_BYTES = 100_000
"""Space that is kept in a message for headers, plain text and HTML."""


@dataclass(frozen=True, kw_only=True)
class EmailJob:
    """An attempt to deliver by e-mail."""

    system: Database
    store: ReportStore
    claim: DeliveryClaim
    settings: EmailSettings
    stage: str
    max_attachment_bytes: int
    """Maximum size of all attachments that the operator allows."""
    mail: MailSettings
    report: Report | None
    """None for a test."""
    is_time_left: Callable[[], bool]
    is_lost: Callable[[], bool]


def deliver_email(job: EmailJob) -> None:
    """Sends the messages that are not sent yet, and then raises an error if one was not accepted.

    Raises RecipientDeferredError, RecipientRefusedError and RecipientsSuppressedError after the messages to the other
    recipients were sent; any other DeliveryError, TimeUpError and LeaseLostError at once.
    """
    if waiting := _waiting_recipients(job):
        with closing(open_mailer(job.mail)) as mailer:
            _send_all(job, mailer, waiting, _choose_attachments(job, mailer))
    _raise_if_not_accepted(job)


def _waiting_recipients(job: EmailJob) -> list[str]:
    """Returns the recipients whose message is not sent yet, and records those that are suppressed."""
    claim = job.claim
    with job.system.transaction(claim.tenant_id) as connection:
        keep_lease(connection, claim)
        statuses = statuses_of(connection, claim.tenant_id, claim.delivery_id)
        waiting = [address for address in job.settings.recipients if statuses.get(address) not in _ENDED]
        suppressed = find_suppressed(connection, claim.tenant_id, waiting)
        for address, reason in suppressed.items():
            detail = (
                "An earlier message has bounced." if reason == "BOUNCE" else "The recipient complained of a message."
            )
            record_recipient(connection, claim.tenant_id, claim.delivery_id, address, "SUPPRESSED", detail=detail)
    return [address for address in waiting if address not in suppressed]


def _choose_attachments(job: EmailJob, mailer: Mailer) -> list[PlannedFile]:
    """Returns the files that are attached: all of them, or none."""
    if not job.settings.attach or (job.report and job.report.manifest is not None):
        return []
    files = _files_of(job)
    size = sum(file.size for file in files)
    fits = size <= job.max_attachment_bytes and size * ENCODED_SIZE + TEXT_BYTES <= mailer.max_bytes
    return files if fits else []


def _files_of(job: EmailJob) -> list[PlannedFile]:
    if job.report is None:
        return [plan_test(job.system, job.claim, job.stage)]
    return list(plan_report(job.system, job.report, 0))


def _send_all(job: EmailJob, mailer: Mailer, waiting: Sequence[str], attached: Sequence[PlannedFile]) -> None:
    claim, attachments = job.claim, [_attachment(job, file) for file in attached]
    content = _compose_content(job, attached)
    sender = Address(display_name=job.mail.sender_name, addr_spec=job.mail.sender)
    for recipient in waiting:
        _require_claim(job)
        message_id = message_id_of(claim.delivery_id, recipient, job.mail.sender, claim.replays)
        message = compose_email(content, attachments, sender=sender, recipient=recipient, message_id=message_id)
        letter = Letter(recipient, message_id, message, claim.tenant_id, claim.delivery_id)
        try:
            accepted = mailer.send(letter)
        except RecipientRefusedError as error:
            _record(job, recipient, "REFUSED", detail=str(error))
        except RecipientDeferredError as error:
            _record(job, recipient, "DEFERRED", detail=str(error))
        else:
            _record(job, recipient, "ACCEPTED", message_id=accepted)
            _finish_files(job, attached)


def _require_claim(job: EmailJob) -> None:
    """Raises TimeUpError and LeaseLostError, so that a function that has lost the delivery sends no message."""
    if not job.is_time_left():
        raise TimeUpError
    if job.is_lost():
        raise LeaseLostError(f"This function has lost the delivery {job.claim.delivery_id}.")
    with job.system.transaction(job.claim.tenant_id) as connection:
        keep_lease(connection, job.claim)


def _record(
    job: EmailJob, recipient: str, status: RecipientStatus, *, message_id: str | None = None, detail: str | None = None
) -> None:
    """Records a fact, also if the lease was lost in the meantime: the message cannot be taken back."""
    with job.system.transaction(job.claim.tenant_id) as connection:
        record_recipient(
            connection,
            job.claim.tenant_id,
            job.claim.delivery_id,
            recipient,
            status,
            message_id=message_id,
            detail=detail,
        )


def _attachment(job: EmailJob, file: PlannedFile) -> Attachment:
    """Returns a file with its content, which is at most some megabytes, and records it."""
    name = fill_pattern(
        job.settings.name_pattern, type_=file.type, day=file.day, report=file.report, file=file.own_name
    )
    with job.system.transaction(job.claim.tenant_id) as connection:
        name, _ = begin_file(connection, job.claim, file.position, name, file.size, file.sha256)
    outgoing = outgoing_file(job.store, file, name)
    content = outgoing.read(0, file.size) if file.size else b""
    return Attachment(name, file.media_type, content)


def _finish_files(job: EmailJob, attached: Sequence[PlannedFile]) -> None:
    """Records that the attached files have arrived, which is true when the first message was accepted."""
    if attached:
        with job.system.transaction(job.claim.tenant_id) as connection:
            for file in attached:
                finish_file(connection, job.claim, file.position)


def _raise_if_not_accepted(job: EmailJob) -> None:
    """Raises an error if a message was not accepted, or no recipient could get one."""
    claim = job.claim
    with job.system.transaction(claim.tenant_id) as connection:
        statuses = statuses_of(connection, claim.tenant_id, claim.delivery_id)
    if deferred := _with_status(job, statuses, "DEFERRED"):
        raise RecipientDeferredError(
            f"The mail server does not accept messages to {', '.join(deferred)} now. They are tried again. "
            "`recipients` has its answers."
        )
    if refused := _with_status(job, statuses, "REFUSED"):
        raise RecipientRefusedError(
            f"The mail server refused the messages to {', '.join(refused)}; `recipients` has its answers. Correct the "
            "addresses, and replay the delivery: recipients who have got a message get no other one."
        )
    if len(_with_status(job, statuses, "SUPPRESSED")) == len(job.settings.recipients):
        raise RecipientsSuppressedError(
            "All recipients are suppressed. Correct the addresses, or remove them from the suppressed ones, and replay "
            "the delivery."
        )


def _with_status(job: EmailJob, statuses: Mapping[str, RecipientStatus], status: RecipientStatus) -> list[str]:
    return [address for address in job.settings.recipients if statuses.get(address) == status]


def _compose_content(job: EmailJob, attached: Sequence[PlannedFile]) -> EmailContent:
    report = job.report
    if report is None:
        locale = find_locale("en-US")
        sentences = ["This is a test message."]
        files = [_listed(file) for file in attached]
        return EmailContent(
            locale=locale, title="Test", is_test=True, facts=(), files=files, more_files=0, sentences=sentences, link=""
        )
    locale = find_locale(report.locale)
    if attached:
        sentences = ["The files are attached."]
    elif job.settings.attach and report.manifest is None:
        sentences = ["The files are too large to attach.", "Sign in to download the files."]
    else:
        sentences = ["Sign in to download the files."]
    # The list of the files of a split report is in its manifest.
    named = [] if report.manifest is not None else _files_of(job)
    return EmailContent(
        locale=locale,
        title=_title(report, locale),
        is_test=False,
        facts=_facts(report, locale),
        files=[_listed(file) for file in named[:MAX_LISTED_FILES]],
        more_files=max(0, len(named) - MAX_LISTED_FILES),
        sentences=sentences,
        link=f"{job.mail.public_base_url.rstrip('/')}/console#/reports/{report.report_id}",
    )


def _listed(file: PlannedFile) -> ListedFile:
    return ListedFile(file.own_name, file.size, file.sha256)


def _title(report: Report, locale: Locale) -> str:
    """Returns the title of the report type. That of a request can contain anything, also personal data."""
    report_type = load_catalog().get(report.type)
    return report.type if report_type is None else report_type.title.in_language(locale.language)


def _facts(report: Report, locale: Locale) -> list[tuple[str, str]]:
    """Returns pairs of label and value: filters without personal ones, the time of the data, rows, and the expiry."""
    language, zone = locale.language, ZoneInfo(report.time_zone)
    report_type = load_catalog().get(report.type)
    facts: list[tuple[str, str]] = []
    if report_type is not None:
        personal = set(personal_filters(report)) | {item.name for item in report_type.filters if item.personal}
        shown = {name: value for name, value in report.filters.items() if name not in personal}
        facts += report_type.describe_filters(shown, locale)
    if report.as_of:
        facts.append((translate("As of", language), _time(report.as_of, zone, locale)))
    facts.append((translate("Rows", language), locale.format_count(report.rows_done)))
    if report.expires_at and not report.held:
        day = report.expires_at.astimezone(zone)
        facts.append((translate("Available until", language), locale.format_date(f"{day:%Y-%m-%d}")))
    facts.append((translate("Report id", language), str(report.report_id)))
    return facts


def _time(when: datetime, zone: ZoneInfo, locale: Locale) -> str:
    there = when.astimezone(zone)
    return f"{locale.format_date(f'{there:%Y-%m-%d}')} {there:%H:%M} ({zone.key})"
