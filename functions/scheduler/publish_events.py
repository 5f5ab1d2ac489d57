"""The tick's tasks for the outboxes of topic and bus: events that were committed but not sent there.

An event that is refused is sent again after a pause that doubles with each attempt. One that is refused for what it is
(too large, invalid), or for three days, is abandoned: an alarm fires, and its row in `resma.event_failures` says why.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError
from psycopg import sql
from psycopg.rows import class_row

from resma.aws.metrics import Metric, emit
from resma.errors import BusRefusedError, ResmaError, TransientError
from resma.events.destinations import Destination, error_code, is_invalid
from resma.events.outbox import EVENT_COLUMNS, Event, describe_event, mark_sent
from resma.jobs.report_rows import find_report
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, Resources

logger = Logger(child=True)

FIRST_PAUSE_SECONDS = 60
MAX_PAUSE_SECONDS = 3600
"""Between two attempts at an event that is refused."""

ABANDON_HOURS = 72
"""After its report's end. As long as webhooks are tried."""

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
            except ResmaError as error:
                if isinstance(error, TransientError) and not isinstance(error, BusRefusedError):
                    raise  # the database is away
                _record_failure(resources, destination, event, error)
            except Exception as error:  # noqa: BLE001  # one that can't be sent must not hold up those behind it
                if isinstance(error, BotoCoreError) and not is_invalid(error):
                    logger.warning("a destination is away", to=destination.name, error=type(error).__name__)
                    return sent
                _record_failure(resources, destination, event, error)
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
        connection.execute(
            "DELETE FROM resma.event_failures WHERE tenant_id = %s AND event_id = %s AND destination = %s",
            (event.tenant_id, event.event_id, destination.name),
        )
    logger.info("an event was sent late", **_about(event), to=destination.name)
    return 1


def _record_failure(resources: Resources, destination: Destination, event: Event, error: Exception) -> None:
    """Says when the event is sent again. Where it is refused for what it is, or has been for days, it is abandoned."""
    with resources.system.transaction(event.tenant_id) as connection:
        row = connection.execute(
            """
            INSERT INTO resma.event_failures AS f (tenant_id, event_id, destination, error_code, next_attempt_at)
            VALUES (%(tenant_id)s, %(event_id)s, %(destination)s, %(code)s, clock_timestamp())
            ON CONFLICT (tenant_id, event_id, destination) DO UPDATE
            SET attempts = f.attempts + 1, error_code = excluded.error_code, failed_at = clock_timestamp()
            RETURNING attempts, (SELECT created_at < clock_timestamp() - make_interval(hours => %(hours)s)
                                 FROM resma.events AS e
                                 WHERE e.tenant_id = %(tenant_id)s AND e.event_id = %(event_id)s)
            """,
            {
                "tenant_id": event.tenant_id,
                "event_id": event.event_id,
                "destination": destination.name,
                "code": error_code(error),
                "hours": ABANDON_HOURS,
            },
        ).fetchone()
        assert row is not None  # it was inserted or updated
        attempts, is_old = row
        is_abandoned = is_invalid(error) or bool(is_old)
        pause = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 10))
        connection.execute(
            "UPDATE resma.event_failures SET next_attempt_at = CASE WHEN NOT %(abandoned)s"
            " THEN clock_timestamp() + make_interval(secs => %(pause)s) END,"
            " abandoned_at = CASE WHEN %(abandoned)s THEN clock_timestamp() END"
            " WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND destination = %(destination)s",
            {
                "abandoned": is_abandoned,
                "pause": pause,
                "tenant_id": event.tenant_id,
                "event_id": event.event_id,
                "destination": destination.name,
            },
        )
    about = {**_about(event), "to": destination.name, "error": error_code(error), "attempts": attempts}
    if is_abandoned:
        logger.error("an event is abandoned: it will not be sent again", **about, exc_info=error)
        emit({Metric.EVENTS_ABANDONED: 1}, about=_about(event))
    else:
        logger.warning("an event was refused and will be sent again", **about, exc_info=error)


def _unsent(destination: Destination) -> sql.Composed:
    return sql.SQL(
        "{} IS NULL AND created_at < clock_timestamp() - make_interval(secs => %(grace)s) AND NOT EXISTS ("
        "SELECT FROM resma.event_failures AS failure WHERE failure.tenant_id = events.tenant_id"
        " AND failure.event_id = events.event_id AND failure.destination = {}"
        " AND (failure.abandoned_at IS NOT NULL OR failure.next_attempt_at > clock_timestamp()))"
    ).format(sql.Identifier(destination.mark), sql.Literal(destination.name))


def _about(event: Event) -> dict[str, Any]:
    return {"report_id": str(event.report_id), "tenant_id": event.tenant_id, "event_id": event.event_id}
