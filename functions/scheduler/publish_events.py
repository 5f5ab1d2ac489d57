"""The tick's tasks for the outboxes of topic and bus: events that were committed but not sent there."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql
from psycopg.rows import class_row

from resma.destinations import Destination
from resma.errors import BusRefused
from resma.events import EVENT_COLUMNS, Event, describe_event, mark_sent
from resma.reports import find_report
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, Resources

logger = Logger(child=True)

_VALUES = {"grace": GRACE_SECONDS, "batch": BATCH}


def publish_unpublished_events(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Publishes the events that the topic has not had; returns how many."""
    return _send_unsent_events(resources, resources.topic, is_time_left)


def put_events_on_bus(resources: Resources, is_time_left: IsTimeLeft) -> int:
    """Puts the events on the bus that it has not had; returns how many."""
    return _send_unsent_events(resources, resources.bus, is_time_left)


def _send_unsent_events(resources: Resources, destination: Destination, is_time_left: IsTimeLeft) -> int:
    """Stops when the destination is away. Each event in a transaction of its own; one that is refused does not hold up
    those behind it.
    """
    passed_over: list[str] = []
    sent, before = 0, -1
    while sent > before:  # as long as it helps
        before = sent
        for event in _find_unsent_events(resources, destination, passed_over):
            if not is_time_left():
                return sent
            is_sent = 0
            try:
                is_sent = _send_unsent_event(resources, destination, event)
            except (ClientError, BotoCoreError, BusRefused) as error:
                logger.warning(
                    "an event was not sent", **_about(event), to=type(destination).__name__, error=type(error).__name__
                )
                if isinstance(error, BotoCoreError):
                    return sent
            except Exception:  # one that can't be sent must not be in the way of those behind it
                logger.exception("an event can't be sent", **_about(event), to=type(destination).__name__)
            sent += is_sent
            if not is_sent:
                passed_over.append(event.event_id)
    return sent


def _find_unsent_events(resources: Resources, destination: Destination, passed_over: list[str]) -> list[Event]:
    with resources.system.transaction(None) as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.events WHERE {} AND event_id <> ALL (%(passed_over)s)"
                " ORDER BY created_at LIMIT %(batch)s"
            ).format(EVENT_COLUMNS, _unsent(destination)),
            {**_VALUES, "passed_over": passed_over},
        )
        return cursor.fetchall()


def _send_unsent_event(resources: Resources, destination: Destination, event: Event) -> int:
    with resources.system.transaction(event.tenant_id) as connection:
        taken = connection.execute(
            sql.SQL(
                "SELECT 1 FROM resma.events WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND {}"
                " FOR UPDATE SKIP LOCKED"
            ).format(_unsent(destination)),
            {**_VALUES, "tenant_id": event.tenant_id, "event_id": event.event_id},
        ).fetchone()
        if taken is None:
            return 0
        report = find_report(connection, event.tenant_id, event.report_id)
        destination.send(describe_event(event, report, resources.public_base_url))
        mark_sent(connection, event, [destination])
    logger.info("an event was sent late", **_about(event), to=type(destination).__name__)
    return 1


def _unsent(destination: Destination) -> sql.Composed:
    return sql.SQL("{} IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(grace)s)").format(
        sql.Identifier(destination.mark)
    )


def _about(event: Event) -> dict[str, Any]:
    return {"report_id": str(event.report_id), "tenant_id": event.tenant_id, "event_id": event.event_id}
