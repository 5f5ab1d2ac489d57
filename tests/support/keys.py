"""Creates API keys with the operators' command."""

from __future__ import annotations

import os
import subprocess
import sys

from infra.paths import ROOT
from tests.support.client import Client
from tests.support.eventually import PATIENCE_SECONDS


def make_key(client: Client, tenant: str, *scopes: str) -> str:
    """Creates a key with the operators' command and returns it."""
    printed = operate(client, "create-key", tenant, "e2e", *(f"--scope={scope}" for scope in scopes))
    (key,) = (line for line in printed.splitlines() if line.startswith("rsm_"))
    return key


def operate(client: Client, *arguments: str) -> str:
    """Runs the operators' command and returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.admin.access", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": client.stack.up.database_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
