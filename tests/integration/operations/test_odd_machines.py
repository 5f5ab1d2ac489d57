"""Problems of a machine have clear messages: a user without a name, a full disk, files of another owner."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from infra.demo.load_demo_bank import migrate_with_bank
from infra.errors import StackError
from infra.local.commands import fill_demo_bank
from infra.paths import FUNCTIONS, ROOT
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from resma_cli.output import Output
from resma_cli.progress import OutputProgress
from tests.support.eventually import PATIENCE_SECONDS

NAMELESS = """
import os, sys
from pathlib import Path
from infra.errors import StackError
from infra.servers.postgres import PostgresServer
os.setgid(4_000_001)
os.setuid(4_000_001)
try:
    PostgresServer(Path(sys.argv[1]), 1).start()
except StackError as error:
    print(error)
"""

FULL = """
CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/16384": No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE EVENT TRIGGER full_disk ON ddl_command_start EXECUTE FUNCTION full_disk();
"""
"""SQL that makes the server fail as if its disk were full."""


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a Python program with a folder as argument."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, FUNCTIONS)))}
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )


@only_root
def test_the_message_for_a_user_without_a_name_says_how_to_create_one() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = run(NAMELESS, Path(folder) / "postgres")
    assert "Postgres needs a name for user 4000001" in done.stdout, done.stderr
    assert "useradd --uid 4000001 resma" in done.stdout


def test_a_full_disk_while_the_bank_is_loaded_has_a_clear_message() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "postgres", free_port())
        server.start()
        try:
            migrate_with_bank(server.url)
            with psycopg.connect(server.url) as connection:
                connection.execute(FULL)
            with pytest.raises(
                StackError, match=r"The disk is full: .* A demo bank of 500,000 transactions needs about"
            ):
                fill_demo_bank(server.url, 500_000, OutputProgress(Output(as_json=False, is_quiet=True)))
        finally:
            server.stop()


SUDO_BEFORE = """
import os, sys
from pathlib import Path
from infra.local import commands
from resma_cli.main import main
commands.STATE = Path(sys.argv[1])
os.setuid(65534)
sys.exit(main(["down"]))
"""


@only_root
def test_a_lock_file_of_root_has_a_clear_message() -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / ".resma"
        state.mkdir()
        (state / "local.lock").touch()
        Path(folder).chmod(0o755)
        done = run(SUDO_BEFORE, state)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "local.lock belongs to user root, probably because of `sudo make`" in done.stderr
    assert f"sudo chown -R 65534 {state}" in done.stderr
