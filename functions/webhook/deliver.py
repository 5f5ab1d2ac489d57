"""A report's end, told to whoever wants to know: signed, on record, and tried again until it is taken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from resma.aws.clients import presign_seconds
from resma.aws.tracing import traced
from resma.database.connection import Database
from resma.errors import DatabaseUnavailableError
from resma.events.outbox import describe_event, find_event
from resma.jobs.download_links import DOWNLOAD_SECONDS, Signer, presign_download, webhook_receiver
from resma.jobs.personal_data import shows_personal
from resma.jobs.report_rows import find_report
from resma.webhooks.signing_secrets import CALLBACK, MasterSecret, signing_secrets
from webhook.attempts import Delivery, claim_due_attempts, claim_first_attempts, record_outcome
from webhook.connect_checked import Network
from webhook.measure import FinishedAttempt, measured
from webhook.post_signed import AttemptResult, post_signed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)

MAX_PARALLEL = 8
"""Attempts at once: receivers that hang hold up as many, and no others."""

MAX_PARALLEL_PER_TENANT = MAX_PARALLEL // 2
"""Of these for one tenant, when the tick makes them: the others' find room."""


@dataclass(frozen=True)
class WebhookResources:
    """What the webhook process keeps between deliveries. `s3` signs for the endpoint that readers use."""

    system: Database
    s3: S3Client
    bucket: str
    public_base_url: str
    secret: MasterSecret
    network: Network
    s3_credentials_secret_arn: str | None = None
    """Of an object store with keys of its own, which do not end."""


def deliver_webhooks(
    resources: WebhookResources, tenant_id: str, event_id: str, is_time_left: Callable[[], bool]
) -> int:
    """Makes the first attempts at an event's deliveries; returns how many. Those without time are left to the tick.

    Safe to call twice: the second call finds nothing to do.
    """

    def claim(_under_way: Mapping[str, int], limit: int) -> list[Delivery]:
        resources.secret.read()  # or no attempt is used up: the scheduler's next run tries again
        with resources.system.transaction(tenant_id) as connection:
            return claim_first_attempts(connection, tenant_id, event_id, limit)

    return _work_off(resources, claim, is_time_left)


def deliver_due_webhooks(resources: WebhookResources, is_time_left: Callable[[], bool]) -> int:
    """Makes the attempts that are due, of all tenants in turn, while there is time; returns how many."""

    def claim(under_way: Mapping[str, int], limit: int) -> list[Delivery]:
        resources.secret.read()  # or no attempt is used up: the next run tries again
        with resources.system.transaction(None) as connection:
            return claim_due_attempts(connection, under_way, limit, MAX_PARALLEL_PER_TENANT)

    return _work_off(resources, claim, is_time_left)


def _work_off(
    resources: WebhookResources,
    claim: Callable[[Mapping[str, int], int], list[Delivery]],
    is_time_left: Callable[[], bool],
) -> int:
    """Claims as many as there are free places, whenever there are, until `claim` has no more and all are done."""
    attempts = 0
    under_way: dict[Future[FinishedAttempt | None], str] = {}
    ended: list[FinishedAttempt] = []
    with measured(ended), ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="webhook") as executor:
        while True:
            claimed = claim(Counter(under_way.values()), MAX_PARALLEL - len(under_way)) if is_time_left() else []
            under_way |= {executor.submit(_attempt, resources, each): each.tenant_id for each in claimed}
            attempts += len(claimed)
            if not under_way:
                return attempts
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                del under_way[done]
                if (attempted := done.result()) is not None:
                    ended.append(attempted)


def _attempt(resources: WebhookResources, delivery: Delivery) -> FinishedAttempt | None:
    with traced("deliver webhook", report_id=str(delivery.report_id), attempt=delivery.attempts):
        return _make_attempt(resources, delivery)


def _make_attempt(resources: WebhookResources, delivery: Delivery) -> FinishedAttempt | None:
    """Returns what came of it; None where the report has been deleted, and no attempt was made."""
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
        outcome = post_signed(delivery.url, delivery.event_id, body, secrets, resources.network)
    except DatabaseUnavailableError:
        raise  # nothing can be put on record: the delivery is due again in a minute
    except Exception as error:
        # A fault on our side, such as a secret that is none. It goes on record like any other and is tried again with
        # the same pauses; the deliveries behind it are not held up.
        logger.exception("a webhook could not be made", **about)
        outcome = AttemptResult(None, f"not sent: {type(error).__name__} on our side", 0)
    with resources.system.transaction(delivery.tenant_id) as connection:
        status = record_outcome(connection, delivery, outcome)
    logger.info(
        "a webhook attempt was made",
        **about,
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        attempt=delivery.attempts,
        status_code=outcome.status_code,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
        delivery=status,
    )
    return FinishedAttempt(status, outcome.milliseconds / 1000)


def _body(resources: WebhookResources, delivery: Delivery) -> str | None:
    """The event, and for each file a presigned address minted for this attempt: an old one may have ended by now.
    None where the report was deleted, and with it the delivery.

    A report that shows personal columns has addresses for the callback that its requester named, who may see them, and
    none for endpoints: whoever registers those need not be allowed to.
    """
    with resources.system.transaction(delivery.tenant_id) as connection:
        event = find_event(connection, delivery.tenant_id, delivery.report_id, delivery.event_id)
        if event is None:
            return None
        report = find_report(connection, delivery.tenant_id, delivery.report_id)
        message = describe_event(event, report, resources.public_base_url)
        # Of a report that was redriven, the event that it had failed carries no file, whatever became of it since.
        files = report.files or [] if report.status == "READY" == message["data"]["status"] else []
        if delivery.endpoint_id != CALLBACK and shows_personal(report):
            files = []
        minter = webhook_receiver(delivery.endpoint_id)
        seconds = presign_seconds(DOWNLOAD_SECONDS, resources.s3_credentials_secret_arn)
        signer = Signer(resources.s3, resources.bucket, seconds)
        minted = [presign_download(connection, signer, report, file, minter) for file in files]
    if minted:
        for shown, address in zip(message["data"]["files"], minted, strict=True):
            shown["downloadUrl"] = address.url
        message["data"]["downloadUrl"] = message["data"]["files"][0]["downloadUrl"]
        message["data"]["downloadUrlSeconds"] = min(address.seconds for address in minted)
    return json.dumps(message, ensure_ascii=False)
