"""Starts a MinIO server of a test's own, if MinIO is installed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from infra.deploy.system import ObjectStore
from infra.paths import STATE
from infra.servers.ports import free_port
from tests.support.eventually import eventually
from tests.support.http import send

MINIO = shutil.which("minio") or shutil.which(STATE / "bin" / "minio")
"""Path of the program; None if it is not installed."""


@contextlib.contextmanager
def minio_server(folder: Path) -> Iterator[ObjectStore]:
    """Yields a new, empty MinIO server on a free port, with new keys."""
    store = ObjectStore(f"http://127.0.0.1:{free_port()}", "root-of-tests", secrets.token_urlsafe(24))
    environment = {
        **os.environ,
        "HOME": str(folder),
        "MINIO_ROOT_USER": store.access_key_id,
        "MINIO_ROOT_PASSWORD": store.secret_access_key,
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    command = [str(MINIO), "server", "--quiet", "--address", urlsplit(store.url).netloc, str(folder / "data")]
    with (folder / "minio.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually("MinIO is up", lambda: is_up(store, server))
        yield store
    finally:
        server.terminate()
        server.wait(120)


def is_up(store: ObjectStore, server: subprocess.Popen[bytes]) -> bool:
    """Returns whether MinIO accepts requests. Raises AssertionError if it has ended."""
    assert server.poll() is None, "MinIO has ended. See minio.log in the test's folder."
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return send("GET", f"{store.url}/minio/health/live", timeout=1).status == 200
    return False
