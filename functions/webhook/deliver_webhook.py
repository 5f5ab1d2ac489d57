"""A report's end, told to its callback address: signed, on record, and tried again until it is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from resma.aws import read_secret
from resma.database import Database
from resma.download import DOWNLOAD_SECONDS, WEBHOOK, Signer, mint_download
from resma.errors import DatabaseUnavailable
from resma.events import describe_event, find_event
from resma.reports import find_report
from webhook.deliveries import Delivery, claim_delivery, claim_due_delivery, record_outcome
from webhook.post_signed import Outcome, post_signed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = Logger(child=True)


@dataclass(frozen=True)
class Resources:
    """What the webhook process keeps between deliveries. `s3` signs for the endpoint that readers use."""

    system: Database
    s3: S3Client
    bucket: str
    public_base_url: str
    secret_arn: str


def deliver_webhook(resources: Resources, tenant_id: str, event_id: str) -> None:
    """Makes the first attempt at an event's delivery. Safe to call twice: the second call finds nothing to do."""
    with resources.system.transaction(tenant_id) as connection:
        delivery = claim_delivery(connection, tenant_id, event_id)
    if delivery is not None:
        _attempt(resources, delivery)


def deliver_due_webhooks(resources: Resources, is_time_left: Callable[[], bool]) -> int:
    """Makes the attempts that are due, the oldest first, while there is time; returns how many."""
    attempts = 0
    while is_time_left():
        with resources.system.transaction(None) as connection:
            delivery = claim_due_delivery(connection)
        if delivery is None:
            break
        _attempt(resources, delivery)
        attempts += 1
    return attempts


def _attempt(resources: Resources, delivery: Delivery) -> None:
    try:
        body = _body(resources, delivery)
        secret = read_secret(resources.secret_arn)["secret"]
        outcome = post_signed(delivery.url, delivery.event_id, body, secret)
    except DatabaseUnavailable:
        raise  # nothing can be put on record: the delivery is due again in a minute
    except Exception as error:
        # A fault on our side, such as a secret that is none. It goes on record like any other and is tried again with
        # the same pauses; the deliveries behind it are not held up.
        logger.exception("a webhook could not be made", report_id=str(delivery.report_id))
        outcome = Outcome(None, f"not sent: {type(error).__name__} on our side", 0)
    with resources.system.transaction(delivery.tenant_id) as connection:
        status = record_outcome(connection, delivery, outcome)
    logger.info(
        "a webhook attempt was made",
        report_id=str(delivery.report_id),
        event_id=delivery.event_id,
        attempt=delivery.attempts,
        status_code=outcome.status_code,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
        delivery=status,
    )


def _body(resources: Resources, delivery: Delivery) -> str:
    """The event, and for each file a presigned address minted for this attempt: an old one may have ended by now."""
    with resources.system.transaction(delivery.tenant_id) as connection:
        event = find_event(connection, delivery.tenant_id, delivery.report_id, delivery.event_id)
        report = find_report(connection, delivery.tenant_id, delivery.report_id)
        assert event is not None  # a delivery references its event
        message = describe_event(event, report, resources.public_base_url)
        files = report.files or [] if report.status == "READY" else []
        signer = Signer(resources.s3, resources.bucket)
        addresses = [mint_download(connection, signer, report, file, WEBHOOK) for file in files]
    if addresses:
        for shown, address in zip(message["data"]["files"], addresses, strict=True):
            shown["downloadUrl"] = address
        message["data"]["downloadUrl"] = message["data"]["files"][0]["downloadUrl"]
        message["data"]["downloadUrlSeconds"] = DOWNLOAD_SECONDS
    return json.dumps(message, ensure_ascii=False)
