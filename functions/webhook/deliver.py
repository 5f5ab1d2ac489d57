"""Delivery of webhooks: signed, recorded, and repeated until the receiver accepts them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from resma.aws.clients import presign_seconds
from resma.aws.tracing import traced
from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError
from resma.events.outbox import EVENT_OBJECTS, count_failed_files, describe_event, find_event
from resma.jobs.download_links import (
    DOWNLOAD_SECONDS,
    Download,
    PresignedLink,
    Signer,
    download_of,
    presign_download,
    split_download_of,
    webhook_receiver,
)
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import Report, find_report
from resma.network.connect import Network
from resma.webhooks.signing_secrets import CALLBACK, MasterSecret, signing_secrets
from webhook.attempts import Delivery, claim_due_attempts, claim_first_attempts, record_result
from webhook.measure import FinishedAttempt, measured
from webhook.post_signed import AttemptResult, post_signed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)

MAX_PARALLEL = 8
"""Maximum number of concurrent attempts."""

MAX_PARALLEL_PER_TENANT = MAX_PARALLEL // 2
"""Maximum number of concurrent due attempts per tenant, so that receivers of other tenants are not delayed."""


@dataclass(frozen=True)
class WebhookResources:
    """Clients and settings of the webhook function. `s3` signs for the endpoint that readers use."""

    system: Database
    s3: S3Client
    bucket: str
    public_base_url: str
    secret: MasterSecret
    network: Network
    s3_credentials_secret_arn: str | None = None
    """Secret with the credentials of an object store other than S3, which do not expire."""


def deliver_webhooks(
    resources: WebhookResources, tenant_id: str, event_id: str, is_time_left: Callable[[], bool]
) -> int:
    """Makes the first attempts at an event's deliveries, and returns how many.

    If the time is not enough, a scheduled invocation makes the others. Safe to call twice: the second call makes none.
    """

    def claim(_in_progress: Mapping[str, int], limit: int) -> list[Delivery]:
        resources.secret.read()  # if it fails, no attempt is used up, and the next invocation tries again
        with resources.system.transaction(tenant_id) as connection:
            return claim_first_attempts(connection, tenant_id, event_id, limit)

    return _make_attempts(resources, claim, is_time_left)


def deliver_due_webhooks(resources: WebhookResources, is_time_left: Callable[[], bool]) -> int:
    """Makes due attempts, of all tenants in turn, while time is left. Returns how many."""

    def claim(in_progress: Mapping[str, int], limit: int) -> list[Delivery]:
        resources.secret.read()  # if it fails, no attempt is used up, and the next invocation tries again
        with resources.system.transaction(None) as connection:
            return claim_due_attempts(connection, in_progress, limit, MAX_PARALLEL_PER_TENANT)

    return _make_attempts(resources, claim, is_time_left)


def _make_attempts(
    resources: WebhookResources,
    claim: Callable[[Mapping[str, int], int], list[Delivery]],
    is_time_left: Callable[[], bool],
) -> int:
    """Claims deliveries whenever fewer than MAX_PARALLEL attempts are running, until `claim` returns none and all
    ended.

    Returns the number of attempts.
    """
    attempts = 0
    in_progress: dict[Future[FinishedAttempt | None], str] = {}
    ended: list[FinishedAttempt] = []
    with measured(ended), ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as executor:
        while True:
            claimed = claim(Counter(in_progress.values()), MAX_PARALLEL - len(in_progress)) if is_time_left() else []
            in_progress |= {executor.submit(_attempt, resources, each): each.tenant_id for each in claimed}
            attempts += len(claimed)
            if not in_progress:
                return attempts
            for done in wait(in_progress, return_when=FIRST_COMPLETED).done:
                del in_progress[done]
                if (attempted := done.result()) is not None:
                    ended.append(attempted)


def _attempt(resources: WebhookResources, delivery: Delivery) -> FinishedAttempt | None:
    with traced("deliver webhook", report_id=str(delivery.report_id), attempt=delivery.attempts):
        return _make_attempt(resources, delivery)


def _make_attempt(resources: WebhookResources, delivery: Delivery) -> FinishedAttempt | None:
    """Makes and records an attempt. Returns None if the report was deleted, so that no attempt was made."""
    about: dict[str, Any] = {"report_id": str(delivery.report_id), "tenant_id": delivery.tenant_id}
    try:
        body = _body(resources, delivery)
        if body is None:
            logger.info("a webhook was not sent: its report was deleted", **about)
            return None
        secrets = signing_secrets(
            resources.secret.read(),
            delivery.tenant_id,
            delivery.endpoint_id,
            delivery.secret_version,
            is_previous_valid=delivery.is_previous_valid,
        )
        result = post_signed(delivery.url, delivery.event_id, body, secrets, resources.network)
    except DatabaseUnavailableError:
        raise  # nothing can be recorded; the delivery is due again after CLAIM_SECONDS
    except Exception as error:
        # An error of this function, such as an invalid secret. It is recorded like an error of the receiver and retried
        # after the same pauses, so that it does not delay other deliveries.
        logger.exception("a webhook could not be sent", **about)
        result = AttemptResult(None, f"Not sent: internal error ({type(error).__name__}).", 0)
    with resources.system.transaction(delivery.tenant_id) as connection:
        status = record_result(connection, delivery, result)
    logger.info(
        "a webhook attempt was made",
        **about,
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        attempt=delivery.attempts,
        status_code=result.status_code,
        error=result.error,
        milliseconds=result.milliseconds,
        delivery=status,
    )
    return FinishedAttempt(status, result.milliseconds / 1000)


def _body(resources: WebhookResources, delivery: Delivery) -> str | None:
    """Returns the event as JSON, with presigned URLs of its files that are created for this attempt.

    Returns None if the report was deleted, which deletes its deliveries too. A report that shows personal data has
    presigned URLs for the callback, whose requester may see them, but not for endpoints, which callers without the
    scope `personal:read` may register.
    """
    with resources.system.transaction(delivery.tenant_id) as connection:
        event = find_event(connection, delivery.tenant_id, delivery.report_id, delivery.event_id)
        if event is None:
            return None
        report = find_report(connection, delivery.tenant_id, delivery.report_id)
        files_failed = count_failed_files(connection, report)
        message = describe_event(event, report, resources.public_base_url, files_failed)
        # If the report was redriven, the event of its failure contains no files, even if the report is READY now.
        is_ready = report.status == "READY" == message["data"]["status"]
        if is_ready and (delivery.endpoint_id == CALLBACK or not shows_personal(report)):
            recipient = webhook_receiver(delivery.endpoint_id)
            seconds = presign_seconds(DOWNLOAD_SECONDS, resources.s3_credentials_secret_arn)
            signer = Signer(resources.s3, resources.bucket, seconds)
            _add_urls(
                message["data"], report, lambda file: presign_download(connection, signer, report, file, recipient)
            )
    return json.dumps(message, ensure_ascii=False)


def _add_urls(data: dict[str, Any], report: Report, presign: Callable[[Download], PresignedLink]) -> None:
    """Adds presigned URLs to the data of the event of a READY report."""
    links: list[PresignedLink] = []
    for described, file in _described_files(data, report):
        link = presign(file)
        described["downloadUrl"] = link.url
        links.append(link)
    if links:
        data["downloadUrl"] = links[0].url
        data["downloadUrlSeconds"] = min(link.seconds for link in links)


def _described_files(data: dict[str, Any], report: Report) -> Iterator[tuple[dict[str, Any], Download]]:
    """Yields the JSON of each file in an event, with the file. A split report has its manifest and ZIP archive."""
    if report.manifest is None:
        for described, file in zip(data["files"], report.files or (), strict=True):
            yield described, download_of(report, file)
        return
    for name in EVENT_OBJECTS:
        if (found := split_download_of(report, report.manifest, name)) is not None:
            yield data["split"][name], found
