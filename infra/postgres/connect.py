"""Connections of commands to a database that a URL names, with errors that people can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from infra.errors import StackError

CONNECT_SECONDS = 10
"""Timeout of a connection, unless the URL has its own `connect_timeout`."""


class DatabaseUrlError(StackError):
    """The URL of a database is not valid."""

    code = "database-url-invalid"


class DatabaseUnreachableError(StackError):
    """The database does not accept the connection: wrong host, password or database, or no network."""

    code = "database-unreachable"


class NotMigratedError(StackError):
    """The database does not have the tables of Resma."""

    code = "database-not-migrated"


def parse_url(url: str) -> dict[str, str]:
    """Returns the parameters of a URL: host, port, dbname, user, password, sslmode and others of libpq.

    `postgres://` is accepted too, as libpq does. Raises DatabaseUrlError. No error contains the password.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUrlError("The URL of the database must look like postgresql://user:password@host:port/dbname.")
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise DatabaseUrlError(
            f"The URL of the database is not valid. Write special characters of the password as percent codes, "
            f"such as %40 for @, and {_remedy(str(error))}"
        ) from None
    # Parts of the password would be in messages as host, port or database.
    if "@" in parameters.get("host", ""):
        raise DatabaseUrlError("The URL of the database has more than one @. Write @ in the password as %40.")
    place = url.partition("://")[2].partition("?")[0]
    if "@" in place.partition("/")[2]:
        raise DatabaseUrlError(
            "The URL of the database has an @ after a /. Write / in the password as %2F, and @ in the name of the "
            "database as %40."
        )
    if "\0" in url:
        raise DatabaseUrlError("The URL of the database has a zero byte. Remove it.")
    if not re.fullmatch(r"[0-9,]*", parameters.get("port", "")):
        raise DatabaseUrlError("The port in the URL of the database is not a number. Correct it.")
    if not re.fullmatch(r"-?[0-9]*", parameters.get("connect_timeout", "")):
        raise DatabaseUrlError("`connect_timeout` in the URL of the database is not a number of seconds. Correct it.")
    return parameters


def _remedy(problem: str) -> str:
    """Returns what libpq says of a URL, if that cannot quote the password."""
    is_quotable = "query parameter" in problem and "@" not in problem
    return f"check its parameters: {problem.strip()}." if is_quotable else "check host and port."


@contextmanager
def connect(url: str) -> Iterator[Connection[TupleRow]]:
    """Opens a connection, which commits at the end, or rolls back after an error.

    Raises DatabaseUrlError; DatabaseUnreachableError with the reasons of libpq, which do not contain the password;
    NotMigratedError if a statement of the block names a table of Resma that does not exist.
    """
    parameters = {"connect_timeout": str(CONNECT_SECONDS), **parse_url(url)}
    try:
        connection = psycopg.connect(**parameters)  # type: ignore[arg-type]  # all are strings of libpq
    except psycopg.OperationalError as error:
        where = f"{parameters.get('host', 'localhost')}:{parameters.get('port', '5432')}"
        raise DatabaseUnreachableError(
            f"The database at {where} can't be reached: {describe(error)}. Check host, port, database and password of "
            "the URL, and that this machine may connect."
        ) from error
    with connection:
        try:
            yield connection
        except psycopg.errors.UndefinedTable as error:
            if "resma." not in describe(error):
                raise
            raise NotMigratedError(f"{describe(error)}. Apply the migrations: resma admin migrate URL") from error


def describe(error: psycopg.Error) -> str:
    """Returns the message of an error in one line without a final period. It does not quote rows."""
    text = error.diag.message_primary or str(error)
    return " ".join(text.split()).rstrip(".")
