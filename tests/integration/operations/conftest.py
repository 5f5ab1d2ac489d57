"""Fixtures of tests that install Resma in databases of other people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from tests.support.owned_databases import empty


@pytest.fixture(scope="session")
def _other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("cluster"), free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def cluster(_other_server: PostgresServer) -> Iterator[PostgresServer]:
    """A Postgres server without anything of Resma, and without its logins."""
    yield _other_server
    empty(_other_server)
