"""Circuit breakers: while a dependency is unavailable, one report at a time probes whether it is available again.

A row of `resma.outages` is an open circuit. No worker starts a report before its `probe_at`; after it, the first worker
that moves `probe_at` forward does. A row applies to the whole deployment, because every report needs every dependency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from resma.errors import Dependency, DependencyUnavailableError, ProbeTakenError
from resma.report.status import IS_LIVE
from resma.short_text import shorten

FIRST_PROBE_SECONDS = 5
"""Pause before the first probe of a dependency. It is doubled after each probe that fails."""

MAX_PROBE_SECONDS = 60
"""Maximum pause between probes."""

PROBE_SECONDS = 30
"""Maximum duration of a probe, after which another report may probe."""

STALE_SECONDS = 300
"""Time after its last failure when a circuit that no report waits for is closed; the next report probes instead."""

_DETAIL_CHARACTERS = 500


@dataclass(frozen=True)
class Outage:
    """An open circuit. `detail` is the last error, which contains no data of a tenant."""

    dependency: Dependency
    since: datetime
    probe_at: datetime
    is_probe_due: bool
    detail: str


def find_outages(connection: Connection[TupleRow]) -> list[Outage]:
    """Returns the open circuits, sorted by `probe_at` in descending order."""
    with connection.cursor(row_factory=class_row(Outage)) as cursor:
        cursor.execute(
            "SELECT dependency, since, probe_at, probe_at <= clock_timestamp() AS is_probe_due, error_detail AS detail"
            " FROM resma.outages ORDER BY probe_at DESC"
        )
        return cursor.fetchall()


def claim_probes(connection: Connection[TupleRow], outages: Sequence[Outage]) -> None:
    """Claims the probes of all these circuits for the report of this transaction.

    Raises ProbeTakenError if another report has claimed one of them.
    """
    claimed = connection.execute(
        """
        WITH due AS (
            SELECT dependency FROM resma.outages
            WHERE dependency = ANY (%(dependencies)s) AND probe_at <= clock_timestamp() ORDER BY dependency FOR UPDATE
        )
        UPDATE resma.outages AS o SET probe_at = clock_timestamp() + make_interval(secs => %(seconds)s)
        FROM due WHERE o.dependency = due.dependency
        """,
        {"dependencies": [outage.dependency for outage in outages], "seconds": PROBE_SECONDS},
    ).rowcount
    still_open = connection.execute(
        "SELECT count(*) FROM resma.outages WHERE dependency = ANY (%s)", ([o.dependency for o in outages],)
    ).fetchone()
    assert still_open is not None  # an aggregate always returns a row
    if claimed < still_open[0]:
        raise ProbeTakenError("Another report is checking whether the dependency is available again.")


def open_outage(connection: Connection[TupleRow], error: DependencyUnavailableError, *, is_probe: bool) -> datetime:
    """Opens the circuit of the error's dependency, or keeps it open. Returns when the next probe is due.

    Only a failed probe makes the pause longer, because all reports in progress fail at once when an outage starts.
    """
    row = connection.execute(
        """
        INSERT INTO resma.outages AS o (dependency, probe_at, error_detail)
        VALUES (%(dependency)s, clock_timestamp() + make_interval(secs => %(first)s), %(detail)s)
        ON CONFLICT (dependency) DO UPDATE
        SET failed_at = clock_timestamp(), error_detail = excluded.error_detail,
            failures = o.failures + CASE WHEN %(is_probe)s THEN 1 ELSE 0 END,
            probe_at = CASE WHEN %(is_probe)s
                THEN clock_timestamp() + make_interval(secs => least(%(max)s, %(first)s * 2 ^ least(o.failures, 10)))
                ELSE o.probe_at END
        RETURNING probe_at
        """,
        {
            "dependency": error.dependency,
            "first": FIRST_PROBE_SECONDS,
            "max": MAX_PROBE_SECONDS,
            "detail": shorten(str(error), _DETAIL_CHARACTERS),
            "is_probe": is_probe,
        },
    ).fetchone()
    assert row is not None  # inserted or updated
    probe_at: datetime = row[0]
    return probe_at


def close_outages(connection: Connection[TupleRow], dependencies: Sequence[str]) -> list[str]:
    """Closes the circuits of dependencies that have just been used. Returns those that were open."""
    closed = connection.execute(
        "DELETE FROM resma.outages WHERE dependency = ANY (%s) RETURNING dependency", (list(dependencies),)
    ).fetchall()
    return [str(row[0]) for row in closed]


def close_stale_outages(connection: Connection[TupleRow]) -> int:
    """Closes circuits that no report waits for any longer. Returns the number of open circuits."""
    connection.execute(
        f"""
        DELETE FROM resma.outages AS o
        WHERE failed_at < clock_timestamp() - make_interval(secs => %s) AND NOT EXISTS (
            SELECT FROM resma.reports
            WHERE waiting_for = o.dependency AND {IS_LIVE})
        """,
        (STALE_SECONDS,),
    )
    row = connection.execute("SELECT count(*) FROM resma.outages").fetchone()
    assert row is not None  # an aggregate always returns a row
    return int(row[0])
