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


def find_password_problems(connection: Connection[TupleRow], logins: Iterable[str]) -> list[str]:
    """Returns why new passwords of existing logins can't be set, or would break another database of the cluster."""
    problems = []
    existing = connection.execute(
        "SELECT rolname, oid FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname", (list(logins),)
    ).fetchall()
    for login, oid in existing:
        databases = connection.execute(
            "SELECT DISTINCT datname FROM pg_shdepend JOIN pg_database AS d ON d.oid = dbid"
            " WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s AND datname <> current_database() ORDER BY 1",
            (oid,),
        ).fetchall()
        if databases:
            names = ", ".join(name for (name,) in databases)
            problems.append(
                f"Another database of this server uses the login {login} too: {names}. A new password would disconnect "
                "its functions. Use the passwords of its stage with --passwords-of STAGE."
            )
        elif not _may_change(connection, login):
            problems.append(
                f"This role may not set the password of {login}, which another role created. Use the role that created "
                "it, or a superuser."
            )
    return problems


def _may_change(connection: Connection[TupleRow], login: str) -> bool:
    row = connection.execute(
        "SELECT rolsuper OR (rolcreaterole AND (current_setting('server_version_num')::integer < %s"
        " OR pg_has_role(current_user, %s, 'USAGE WITH ADMIN OPTION'))) FROM pg_roles WHERE rolname = current_user",
        (_ADMIN_OPTION_VERSION, login),
    ).fetchone()
    return row == (True,)
