"""Webhook Lambda: sends signed POST requests for events of the topic, and makes due attempts when it is scheduled."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from resma.aws.clients import s3_client
from resma.database.connection import Database
from resma.network.connect import Network
from resma.settings import read_settings
from resma.webhooks.signing_secrets import MasterSecret
from webhook.deliver import WebhookResources, deliver_due_webhooks, deliver_webhooks
from webhook.post_signed import TOTAL_SECONDS
from webhook.settings import WebhookSettings

logger = Logger()


@lru_cache
def _resources() -> WebhookResources:
    settings = read_settings(WebhookSettings)
    return WebhookResources(
        system=Database(settings.system_secret_arn, "resma-webhook"),
        s3=s3_client(settings.s3_credentials_secret_arn, settings.s3_public_endpoint_url),
        bucket=settings.bucket,
        public_base_url=settings.public_base_url,
        secret=MasterSecret(settings.webhook_secret_arn),
        network=Network(settings.receivers),
        s3_credentials_secret_arn=settings.s3_credentials_secret_arn,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Entry point for the topic `report-events` and for the schedule."""

    def is_time_left() -> bool:
        return context.get_remaining_time_in_millis() > (TOTAL_SECONDS + 5) * 1000

    if "Records" in event:
        messages = [json.loads(record.sns.message) for record in SNSEvent(event).records]
        for message in messages:
            data = message["data"]
            about: dict[str, Any] = {
                "report_id": data["reportId"],
                "tenant_id": data["tenantId"],
                "event_id": message["id"],
            }
            logger.info("a report has ended", **about, type=message["type"])
            deliver_webhooks(_resources(), data["tenantId"], message["id"], is_time_left)
        return {"events": len(messages)}
    attempts = deliver_due_webhooks(_resources(), is_time_left)
    logger.info("due webhooks were sent", attempts=attempts)
    return {"attempts": attempts}
