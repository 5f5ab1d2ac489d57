"""The source database: the one that reports read, if it is not the embedded one.

Nothing is installed in it, and any role that can read its tables is sufficient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from infra.errors import StackError
from infra.postgres.connect import CONNECT_SECONDS, parse_url
from resma.database.connection import SESSION_PARAMETERS, TLS_PARAMETERS

_PATHS = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_MAX_GRANTS = 20

_PREFIX = re.compile(r"^(connection (failed|is bad): )?(connection to server .*? failed: )?(FATAL: +)?")
_REMEDIES = {
    "authentication failed|no password supplied": "Check the user and the password in the URL.",
    'database ".*" does not exist': "Check the name of the database in the URL.",
    r"pg_hba\.conf": "Allow this machine in pg_hba.conf of the server, or connect with TLS (?sslmode=require).",
    r"SSL|certificate|\bssl\w+ value": (
        "Check the TLS options of the URL, such as ?sslmode=verify-full&sslrootcert=/path/ca.pem."
    ),
    "too many|remaining connection slots": "Close other connections, or raise max_connections of the server.",
}
"""Remedies by the reason that libpq states. A server in another language gets the general remedy."""
_OTHER_REMEDY = (
    "Check the host and the port in the URL, that the server is running, and that this machine may connect to it."
)

_RELATIONS = """
    SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


class SourceError(StackError):
    """The source database cannot be read. The message says why, and what to do."""

    code = "source-unavailable"


@dataclass(frozen=True)
class SourceDatabase:
    """A source database that accepts connections. `secret` has the fields that the functions connect with."""

    url: str
    """The URL with its password, as it was given."""
    secret: Mapping[str, str | int]

    @property
    def place(self) -> str:
        """Host, port, database and role, for messages: `reports@db.internal:5432/northwind`."""
        field = self.secret
        return f"{field['username']}@{field['host']}:{field['port']}/{field['dbname']}"

    @property
    def database_name(self) -> str:
        """Name of the database."""
        return str(self.secret["dbname"])


def open_source(url: str) -> SourceDatabase:
    """Connects to the source database, and returns it. Nothing in it is changed.

    The password may also be in ~/.pgpass, and other parameters in environment variables of libpq. Raises
    DatabaseUrlError; SourceError if the server cannot be reached or refuses the connection, or the role can read no
    table.
    """
    with connect_source(url) as connection:
        _require_readable_tables(connection)
        return SourceDatabase(url, _secret(connection))


def describe_place(url: str) -> str:
    """Returns host, port, database and role of a valid URL, as `SourceDatabase.place` does, without a connection."""
    given = conninfo_to_dict(url)
    user = given.get("user") or getuser()
    host, port = given.get("host") or "localhost", given.get("port") or 5432
    return f"{user}@{host}:{port}/{given.get('dbname') or user}"


@contextmanager
def connect_source(url: str) -> Iterator[Connection[TupleRow]]:
    """Opens a connection to the source database in one READ ONLY transaction, which is rolled back at the end.

    Raises DatabaseUrlError; SourceError, also for errors of statements, whose messages name what was refused.
    """
    parameters = _parse(url)
    try:
        given = {"connect_timeout": str(CONNECT_SECONDS), "client_encoding": "UTF8", **parameters}
        connection = psycopg.connect(**given)  # type: ignore[arg-type]  # all are strings of libpq
        connection.prepare_threshold = None
    except psycopg.OperationalError as error:
        raise SourceError(_explain(error, parameters)) from error
    try:
        connection.read_only = True
        yield connection
    except psycopg.Error as error:
        raise SourceError(f"The source database cannot be read: {str(error).strip()}") from error
    finally:
        connection.close()


def _parse(url: str) -> dict[str, str]:
    """Returns the parameters of a URL, with absolute paths. Raises DatabaseUrlError."""
    parsed = parse_url(url)
    # The functions run in other folders, and have another home folder, in which libpq searches for root.crt.
    for name in _PATHS:
        if parsed.get(name) not in {None, "", "system"}:
            parsed[name] = str(Path(parsed[name]).expanduser().absolute())
    own_root = Path.home() / ".postgresql" / "root.crt"
    if "sslrootcert" not in parsed and own_root.exists():
        parsed["sslrootcert"] = str(own_root)
    return parsed


def _secret(connection: Connection[TupleRow]) -> dict[str, str | int]:
    """Returns what the functions connect with: the parameters of this connection, wherever libpq has found them."""
    info = connection.info
    used = info.get_parameters()
    optional = {name: used[name] for name in (*TLS_PARAMETERS, *SESSION_PARAMETERS) if used.get(name)}
    return {
        "sslmode": "prefer",
        **optional,
        "host": info.host,
        "port": info.port,
        "dbname": info.dbname,
        "username": info.user,
        "password": info.password,
    }


def _explain(error: psycopg.OperationalError, parameters: Mapping[str, str]) -> str:
    host, user = parameters.get("host", "the local socket"), parameters.get("user", "the current user")
    place = f"{host}:{parameters.get('port', '5432')}/{parameters.get('dbname', user)}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = _PREFIX.sub("", lines[0] if lines else type(error).__name__).removesuffix(".")
    remedy = next((remedy for pattern, remedy in _REMEDIES.items() if re.search(pattern, reason)), _OTHER_REMEDY)
    return f"The source database {place} does not accept a connection of {user}: {reason}. {remedy}"


def _require_readable_tables(connection: Connection[TupleRow]) -> None:
    """Raises SourceError, with the GRANT statements, if the database has tables and the role can read none of them."""
    rows = connection.execute(_RELATIONS).fetchall()
    if not rows or any(is_readable for _, is_readable in rows):
        return
    role = sql.Identifier(connection.info.user)
    schemas = sorted({str(schema) for schema, _ in rows})[:_MAX_GRANTS]
    grants = [
        sql.SQL("GRANT USAGE ON SCHEMA {0} TO {1}; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1};")
        .format(sql.Identifier(schema), role)
        .as_string(connection)
        for schema in schemas
    ]
    raise SourceError(
        f"The role {connection.info.user} can read no table of the source database {connection.info.dbname}. Run as "
        "the owner of the tables:\n" + "\n".join(grants)
    )
