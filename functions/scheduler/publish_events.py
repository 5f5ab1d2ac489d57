"""Scheduler tasks: send events that were committed but not yet sent to the topic or the bus.

An event that is refused is sent again after a pause that doubles with each attempt. An event that can never be accepted
(too large, invalid), or that was refused for three days, is abandoned: an alarm fires, and its row in
`resma.event_failures` says why.
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
from resma.events.outbox import EVENT_COLUMNS, Event, count_failed_files, describe_event, mark_sent
from resma.jobs.report_rows import find_report
from scheduler.resources import BATCH, GRACE_SECONDS, IsTimeLeft, SchedulerResources

logger = Logger(child=True)

FIRST_PAUSE_SECONDS = 60
"""Pause after the first attempt to send an event that was refused. It doubles with each further attempt."""

MAX_PAUSE_SECONDS = 3600
"""Maximum pause between two attempts to send an event that was refused."""

ABANDON_HOURS = 72
"""Hours after its report's end at which an event that is refused is abandoned. Webhooks are retried as long."""

_VALUES = {"grace": GRACE_SECONDS, "batch": BATCH}


def publish_unpublished_events(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Publishes the events that were not yet published to the topic; returns how many."""
    return _send_unsent_events(resources, resources.topic, is_time_left)


def put_events_on_bus(resources: SchedulerResources, is_time_left: IsTimeLeft) -> int:
    """Puts the events on the bus that were not yet put there; returns how many."""
    return _send_unsent_events(resources, resources.bus, is_time_left)


def _send_unsent_events(resources: SchedulerResources, destination: Destination, is_time_left: IsTimeLeft) -> int:
    """Sends each event in a transaction of its own; returns how many. Stops when the destination is unavailable.

    An event that is refused does not block the events after it.
    """
    skipped: list[str] = []
    sent, before = 0, -1
    while sent > before:  # until a round sends nothing
        before = sent
        for event in _find_unsent_events(resources, destination, skipped):
            if not is_time_left():
                return sent
            is_sent = 0
            try:
                is_sent = _send_unsent_event(resources, destination, event)
            except ResmaError as error:
                if isinstance(error, TransientError) and not isinstance(error, BusRefusedError):
                    raise  # the database is unavailable
                _record_failure(resources, destination, event, error)
            except Exception as error:  # noqa: BLE001  # an event that cannot be sent must not block the others
                if isinstance(error, BotoCoreError) and not is_invalid(error):
                    logger.warning("a destination is unavailable", to=destination.name, error=type(error).__name__)
                    return sent
                _record_failure(resources, destination, event, error)
            sent += is_sent
            if not is_sent:
                skipped.append(event.event_id)
    return sent


def _find_unsent_events(resources: SchedulerResources, destination: Destination, skipped: list[str]) -> list[Event]:
    with resources.system.transaction(None) as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT {} FROM resma.events WHERE {} AND event_id <> ALL (%(skipped)s)"
                " ORDER BY created_at LIMIT %(batch)s"
            ).format(EVENT_COLUMNS, _unsent(destination)),
            {**_VALUES, "skipped": skipped},
        )
        return cursor.fetchall()


def _send_unsent_event(resources: SchedulerResources, destination: Destination, event: Event) -> int:
    with resources.system.transaction(event.tenant_id) as connection:
        locked = connection.execute(
            sql.SQL(
                "SELECT 1 FROM resma.events WHERE tenant_id = %(tenant_id)s AND event_id = %(event_id)s AND {}"
                " FOR UPDATE SKIP LOCKED"
            ).format(_unsent(destination)),
            {**_VALUES, "tenant_id": event.tenant_id, "event_id": event.event_id},
        ).fetchone()
        if locked is None:
            return 0
        report = find_report(connection, event.tenant_id, event.report_id)
        files_failed = count_failed_files(connection, report)
        destination.send(describe_event(event, report, resources.public_base_url, files_failed))
        mark_sent(connection, event, [destination])
        connection.execute(
            "DELETE FROM resma.event_failures WHERE tenant_id = %s AND event_id = %s AND destination = %s",
            (event.tenant_id, event.event_id, destination.name),
        )
    logger.info("an event was sent late", **_about(event), to=destination.name)
    return 1


def _record_failure(resources: SchedulerResources, destination: Destination, event: Event, error: Exception) -> None:
    """Records when the event is sent again. Abandons it if it is invalid or older than ABANDON_HOURS."""
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
