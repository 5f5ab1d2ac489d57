"""The tick's task for the outbox of the topic: events that were committed but not published."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql
from psycopg.rows import class_row

from resma.events import EVENT_COLUMNS, Event, describe_event, mark_published, publish_event
from resma.reports import find_report
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, Resources

logger = Logger(child=True)

_UNPUBLISHED = sql.SQL("published_at IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(grace)s)")
_VALUES = {"grace": GRACE_SECONDS, "batch": BATCH}


def publish_unpublished_events(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Publishes the events that were not; returns how many. Stops when the topic is away.

    Each in a transaction of its own; one that the topic refuses does not hold up those behind it.
    """
    with resources.system.transaction(None) as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM resma.events WHERE {} ORDER BY created_at LIMIT %(batch)s").format(
                EVENT_COLUMNS, _UNPUBLISHED
            ),
            _VALUES,
        )
        events = cursor.fetchall()
    published = 0
    for event in events:
        if not is_time_left():
            break
        try:
            published += _publish_unpublished_event(resources, event)
        except (ClientError, BotoCoreError) as error:
            logger.warning("an event was not published", **_about(event), error=type(error).__name__)
            if isinstance(error, BotoCoreError):
                break
        except Exception:  # one that can't be published must not be in the way of those behind it
            logger.exception("an event can't be published", **_about(event))
    return published


def _publish_unpublished_event(resources: Resources, event: Event) -> int:
    with resources.system.transaction(event.tenant_id) as connection:
        taken = connection.execute(
            sql.SQL(
                "SELECT 1 FROM resma.events WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND {}"
                " FOR UPDATE SKIP LOCKED"
            ).format(_UNPUBLISHED),
            {**_VALUES, "tenant_id": event.tenant_id, "event_id": event.event_id},
        ).fetchone()
        if taken is None:
            return 0
        report = find_report(connection, event.tenant_id, event.report_id)
        message = describe_event(event, report, resources.public_base_url)
        publish_event(resources.sns, resources.topic_arn, message)
        mark_published(connection, event)
    logger.info("an event was published late", **_about(event))
    return 1


def _about(event: Event) -> dict[str, Any]:
    return {"report_id": str(event.report_id), "tenant_id": event.tenant_id, "event_id": event.event_id}
