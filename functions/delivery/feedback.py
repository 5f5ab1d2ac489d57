"""Bounces and complaints that SES publishes: permanent ones suppress the address for the tenant that sent the message.

Only SES may publish to the topic, and only the topic may invoke the function, so that notifications need no signature.
A notification has an effect only if it names a message that Resma has recorded, by its id, delivery and recipient.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools import Logger

from delivery.ses import DELIVERY_TAG, TENANT_TAG
from resma.database.connection import Database
from resma.destinations.recipients import SuppressionReason, record_feedback

logger = Logger(child=True)

_TENANT = re.compile(r"[a-z0-9-]{1,63}")
_DELIVERY = re.compile(r"dlv_[0-9a-f]{32}")


def record_notification(system: Database, text: str) -> int:
    """Records what a notification of SES says. Returns how many addresses it concerns; 0 for any other notification.

    Safe to call twice. Raises DatabaseUnavailableError; then SNS sends the notification again.
    """
    try:
        notification = json.loads(text)
        mail = notification["mail"]
        tenant_id, delivery_id = (_tag(mail, name) for name in (TENANT_TAG, DELIVERY_TAG))
        message_id = str(mail["messageId"])
        feedback = list(_feedback(notification))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        logger.warning("a notification that is not one of SES about a message of Resma was discarded")
        return 0
    if not (_TENANT.fullmatch(tenant_id) and _DELIVERY.fullmatch(delivery_id)):
        logger.warning("a notification about a message of another origin was discarded")
        return 0
    recorded = 0
    for address, reason, detail in feedback:
        with system.transaction(tenant_id) as connection:
            recorded += record_feedback(connection, tenant_id, delivery_id, message_id, address, reason, detail)
    logger.info("a notification of SES was recorded", tenant_id=tenant_id, delivery_id=delivery_id, addresses=recorded)
    return recorded


def _tag(mail: dict[str, Any], name: str) -> str:
    return str(mail["tags"][name][0])


def _feedback(notification: dict[str, Any]) -> Iterator[tuple[str, SuppressionReason, str]]:
    """Yields address, reason and detail of permanent bounces and of complaints. SES repeats transient ones itself."""
    kind = notification.get("eventType") or notification.get("notificationType")
    if kind == "Bounce" and notification["bounce"]["bounceType"] == "Permanent":
        for recipient in notification["bounce"]["bouncedRecipients"]:
            detail = recipient.get("diagnosticCode") or recipient.get("status") or "The message has bounced."
            yield str(recipient["emailAddress"]), "BOUNCE", str(detail)
    elif kind == "Complaint" and notification["complaint"].get("complaintFeedbackType") != "not-spam":
        for recipient in notification["complaint"]["complainedRecipients"]:
            detail = notification["complaint"].get("complaintFeedbackType") or "The recipient complained."
            yield str(recipient["emailAddress"]), "COMPLAINT", str(detail)
