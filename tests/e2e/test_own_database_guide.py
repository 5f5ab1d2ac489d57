"""The commands of docs/own-database.md, from a database that Resma has never touched to a PDF."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pypdf import PdfReader

from infra.local.stack import Stack
from infra.paths import ROOT, STATE
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from tests.support.docs_pages import SCRIPT, blocks
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.local_stack import STACK, processes_in
from tests.support.own_databases import create_database

NAME = f"{STACK}-guide"
PAGE = ROOT / "docs" / "own-database.md"
ORDERS = 830


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    """URL of a database of a trading company, for a role that may only read it."""
    server = PostgresServer(tmp_path / "postgres", free_port())
    server.start()
    try:
        yield create_database(server.url, "traders")
    finally:
        server.stop()


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Environment of the guide: `resma` is the command of this checkout, with a stack that is stopped at the end."""
    launcher = tmp_path / "bin" / "resma"
    launcher.parent.mkdir()
    path = f"{ROOT / 'infra' / 'cli'}:{ROOT}"
    launcher.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {sys.executable} -P -m resma_cli "$@"\n')
    launcher.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RESMA_", "AWS_", "PYTHON"))}
    yield {
        **inherited,
        "PATH": f"{launcher.parent}:{inherited['PATH']}",
        "RESMA_STACK": NAME,
        "PORT": str(free_port()),
    }
    Stack(NAME).stop()
    assert processes_in(STATE / NAME) == []


def test_the_guides_commands_generate_a_report(source: str, commands: dict[str, str], tmp_path: Path) -> None:
    script = "".join(block.text for block in blocks(PAGE) if block.kind == SCRIPT)
    script, replaced = re.subn(r"^export SOURCE=\S+$", f"export SOURCE={source}", script, flags=re.MULTILINE)
    assert replaced == 1
    folder = tmp_path / "northwind"
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        cwd=folder,
        env=commands,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("orders-*.pdf")
    assert path.name in done.stdout + done.stderr
    assert f"{ORDERS} of {ORDERS} rows" in done.stdout + done.stderr
    text = "".join(page.extract_text() for page in PdfReader(path).pages)
    assert all(str(10247 + order) in text for order in range(1, ORDERS + 1))
    with psycopg.connect(source) as connection:
        installed = connection.execute("SELECT FROM pg_namespace WHERE nspname = 'resma'").fetchall()
    assert installed == []
