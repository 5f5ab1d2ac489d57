"""`resma admin dead-letters list|show|redrive`: dead-lettered reports of all tenants, for operators.

`--database`, or the environment variable RESMA_SYSTEM_DATABASE, is the URL of the system's database with the role
resma_system. A redriven report is put into the outbox; the next run of the scheduler sends it, within a minute.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from api.dead_letters.rows import DeadLetter, find_dead_letter, list_dead_letters, redrive, redrive_all
from infra.errors import StackError
from infra.postgres.connect import connect
from resma.request_errors import ReportNotFoundError, RequestError
from resma.short_text import counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 1 if the dead letter does not exist."""
    chosen = _parse(arguments)
    try:
        with connect(chosen.database) as connection:
            chosen.command(connection, chosen)
    except RequestError as error:
        print(error, file=sys.stderr)
        return 1
    except (StackError, psycopg.Error) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="resma admin dead-letters", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--database", metavar="URL", default=os.environ.get("RESMA_SYSTEM_DATABASE"))
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="list dead letters, newest request first")
    listing.add_argument("--limit", type=int, default=100)
    showing = commands.add_parser("show", help="show a dead letter and its redrives")
    showing.add_argument("report_id", type=UUID)
    sending = commands.add_parser("redrive", help="send a dead letter, or all, to the queue again")
    sending.add_argument("report_id", type=UUID, nargs="?")
    sending.add_argument("--all", action="store_true", help="redrive all dead letters, of one tenant or of all tenants")
    sending.add_argument("--reason", help="record what was fixed")
    for command, do in ((listing, _list), (showing, _show), (sending, _redrive)):
        command.add_argument("--tenant", help="only dead letters of this tenant")
        command.set_defaults(command=do)
    chosen = parser.parse_args(arguments)
    if not chosen.database:
        parser.error("No database is named. Use --database, or set RESMA_SYSTEM_DATABASE.")
    if chosen.command is _redrive and (chosen.report_id is None) != chosen.all:
        parser.error("`redrive` takes either a report's id or --all.")
    return chosen


def _list(connection: Connection[TupleRow], chosen: argparse.Namespace) -> None:
    letters = list_dead_letters(connection, chosen.tenant, None, chosen.limit)
    for letter in letters:
        print(_line(letter))
    more = ". There may be more: use a larger --limit." if len(letters) == chosen.limit else ""
    print(f"{counted(len(letters), 'dead letter')}{more}")


def _show(connection: Connection[TupleRow], chosen: argparse.Namespace) -> None:
    letter, redrives = find_dead_letter(connection, _tenant_of(connection, chosen), chosen.report_id)
    print(_line(letter))
    print(f"  {letter.error_detail}")
    for item in redrives:
        reason = item.reason or "no reason given"
        print(f"  redrive {item.redrive}: {item.redriven_at:%Y-%m-%d %H:%M:%S%z} by {item.redriven_by}, {reason}")
        print(f"    after {counted(item.attempt, 'attempt')}: {item.error_code}, {item.error_detail}")


def _redrive(connection: Connection[TupleRow], chosen: argparse.Namespace) -> None:
    by = f"operator {getpass.getuser()}"
    if chosen.all:
        count = len(redrive_all(connection, chosen.tenant, by, chosen.reason))
    else:
        redrive(connection, _tenant_of(connection, chosen), chosen.report_id, by, chosen.reason)
        count = 1
    print(f"{count} redriven. The scheduler sends {'it' if count == 1 else 'them'} within a minute.")


def _tenant_of(connection: Connection[TupleRow], chosen: argparse.Namespace) -> str:
    row = connection.execute(
        "SELECT tenant_id FROM resma.reports WHERE report_id = %s AND (%s::text IS NULL OR tenant_id = %s)",
        (chosen.report_id, chosen.tenant, chosen.tenant),
    ).fetchone()
    if row is None:
        raise ReportNotFoundError(f"There is no report {chosen.report_id}. See `list`.")
    return str(row[0])


def _line(letter: DeadLetter) -> str:
    return (
        f"{letter.dead_lettered_at:%Y-%m-%d %H:%M:%S%z}  {letter.tenant_id}  {letter.report_id}  {letter.type}"
        f"  {counted(letter.attempt, 'attempt')}, {counted(letter.redrives, 'redrive')}  {letter.error_code}"
    )


if __name__ == "__main__":
    sys.exit(main())
