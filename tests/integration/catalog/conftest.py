"""Fixtures of tests of report types."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.servers.postgres import PostgresServer
from tests.support.all_types import SCHEMA, create_statements


@pytest.fixture(scope="module")
def all_types(postgres: PostgresServer) -> Iterator[Connection[TupleRow]]:
    """A connection to a database with a table for each type of Postgres, in a schema of their own."""
    with psycopg.connect(postgres.url, client_encoding="UTF8", autocommit=True) as owner:
        owner.execute(create_statements().encode())
        with psycopg.connect(postgres.url, client_encoding="UTF8") as connection:
            yield connection
        owner.execute(f"DROP SCHEMA {SCHEMA} CASCADE".encode())
