"""Which database the commands for authors read: the source of the option, or that of the running stack."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.errors import StackError
from infra.local.stack import Stack


class NoSourceError(StackError):
    """No source database is named, and no stack runs on this machine."""

    code = "no-source"


def find_source(url: str | None, stack: str) -> str | None:
    """Returns the URL of the source: `url`, or the database that the reports of the running stack read, or None."""
    if url:
        return url
    running = Stack(stack).find()
    return None if running is None else running.source_url or running.database_url


def require_source(url: str | None, stack: str) -> str:
    """Returns the URL of the source. Raises NoSourceError if none is found."""
    found = find_source(url, stack)
    if found is None:
        raise NoSourceError(
            "No source database is named. Use --source postgresql://user:password@host:5432/database, or set SOURCE."
        )
    return found


@contextlib.contextmanager
def embedded_database() -> Iterator[str]:
    """Starts an embedded Postgres with the migrations and the empty demo bank, and yields its URL. Takes seconds."""
    from infra.demo.load_demo_bank import migrate_with_bank  # noqa: PLC0415  # not needed with a source
    from infra.servers.ports import free_port  # noqa: PLC0415
    from infra.servers.postgres import PostgresServer  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="resma-catalog-") as folder:
        server = PostgresServer(Path(folder), free_port())
        server.start()
        try:
            migrate_with_bank(server.url)
            yield server.url
        finally:
            server.stop()
