"""Decides which passwords of the logins are kept, and which are replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.postgres.connect import CONNECT_SECONDS

_ADMIN_OPTION_VERSION = 160000
"""PostgreSQL 16. Since then, CREATEROLE does not suffice to change passwords of logins that other roles created."""


def is_valid_password(parameters: Mapping[str, Any], login: str, password: str) -> bool:
    """Returns whether the login can connect to the server of an owner's connection with this password."""
    own = {**parameters, "user": login, "password": password}
    own.setdefault("connect_timeout", CONNECT_SECONDS)
    try:
        psycopg.connect(**own).close()
    except psycopg.OperationalError:
        return False
    return True


def find_existing_logins(connection: Connection[TupleRow], logins: Iterable[str]) -> list[str]:
    """Returns the logins that the cluster has."""
    found = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname", (list(logins),)
    ).fetchall()
    return [login for (login,) in found]


def find_shared_logins(connection: Connection[TupleRow], logins: Iterable[str]) -> list[str]:
    """Returns why new passwords of existing logins would break another database of the cluster."""
    return [
        f"Another database of this server uses the login {login} too: {', '.join(databases)}. A new password would "
        "disconnect its functions. Use the passwords of its stage with --passwords-of STAGE."
        for login, databases in connection.execute(
            "SELECT rolname, array_agg(DISTINCT datname::text) FROM pg_shdepend JOIN pg_database AS d ON d.oid = dbid"
            " JOIN pg_roles AS r ON refclassid = 'pg_authid'::regclass AND refobjid = r.oid"
            " WHERE rolname = ANY(%s) AND datname <> current_database() GROUP BY 1 ORDER BY 1",
            (list(logins),),
        )
    ]


def find_unchangeable_logins(connection: Connection[TupleRow], logins: Iterable[str]) -> list[str]:
    """Returns why the current role may not set the passwords of existing logins."""
    return [
        f"This role may not set the password of {login}, which another role created. Use the role that created it, or "
        "a superuser."
        for login in find_existing_logins(connection, logins)
        if not _may_change(connection, login)
    ]


def _may_change(connection: Connection[TupleRow], login: str) -> bool:
    row = connection.execute(
        "SELECT rolsuper OR (rolcreaterole AND (current_setting('server_version_num')::integer < %s"
        " OR pg_has_role(current_user, %s, 'USAGE WITH ADMIN OPTION'))) FROM pg_roles WHERE rolname = current_user",
        (_ADMIN_OPTION_VERSION, login),
    ).fetchone()
    return row == (True,)
