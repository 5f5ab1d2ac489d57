"""Starts the servers that the measurements need: Postgres with the demo bank, an object store, and an AWS emulator."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import boto3
import psycopg
from psycopg import sql

from infra.demo.load_demo_bank import load_demo_bank, migrate_with_bank
from infra.errors import StackError
from infra.paths import STATE
from infra.postgres.migrate import LOGINS, READER, set_password
from infra.servers.ports import free_port, is_listening
from infra.servers.postgres import PostgresServer
from infra.servers.processes import last_lines
from tests.bench.engine import BUCKET
from tests.bench.source import TENANT

FOLDER = STATE / "bench"
_READY_SECONDS = 30


@dataclass(frozen=True)
class BankServer:
    """The server of all banks, and this run's password of the logins, which are the same for all its databases."""

    postgres: PostgresServer
    password: str


@dataclass(frozen=True)
class Bank:
    """A database with the demo bank. Reports read it with a login that can only read."""

    rows: int
    admin_url: str
    app_password: str
    reader_url: str


@dataclass(frozen=True)
class Aws:
    """An emulator of AWS. `environment` configures boto3 for it; `name` is its name in tables."""

    name: str
    environment: Mapping[str, str]


@contextlib.contextmanager
def postgres_server() -> Iterator[BankServer]:
    """Starts the benchmark's own server. Its data are kept for the next run."""
    server = PostgresServer(FOLDER / "postgres", free_port())
    server.stop()  # ends the server of a run that was killed
    server.start()
    try:
        yield BankServer(server, secrets.token_urlsafe(24))
    finally:
        server.stop()


def open_bank(server: BankServer, rows: int) -> Bank:
    """Returns the bank with a number of transactions, in a database of its own; creates it if it does not exist."""
    name, url = f"rows_{rows}", server.postgres.url
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    admin_url = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    migrate_with_bank(admin_url)
    if load_demo_bank(admin_url, rows):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")  # so that none happens during a measurement
    for login in LOGINS:
        set_password(admin_url, login, server.password)
    # Reports set the tenant in their transactions (row level security). Peers do not, so the connection sets it.
    options = quote(f"-c resma.tenant_id={TENANT}")
    reader_url = f"postgresql://{READER}:{server.password}@127.0.0.1:{server.postgres.port}/{name}?options={options}"
    return Bank(rows, admin_url, server.password, reader_url)


@contextlib.contextmanager
def aws_stand_in() -> Iterator[Aws]:
    """Starts moto as a server, so that AWS is emulated in another process."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _process("moto", command, os.environ, lambda: is_listening(port)):
        yield Aws("moto", {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", **_keys("testing", "testing")})


@contextlib.contextmanager
def object_store(otherwise: Aws) -> Iterator[Aws]:
    """Starts MinIO if it is on the PATH or in .resma/bin, otherwise yields the emulator; with an empty bucket."""
    binary = shutil.which("minio") or shutil.which(STATE / "bin" / "minio")
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(_minio(binary)) if binary else otherwise
        url = store.environment.get("AWS_ENDPOINT_URL_S3") or store.environment["AWS_ENDPOINT_URL"]
        boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=store.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=store.environment["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        ).create_bucket(Bucket=BUCKET)
        yield store


@contextlib.contextmanager
def _minio(binary: str) -> Iterator[Aws]:
    data = FOLDER / "minio"
    shutil.rmtree(data, ignore_errors=True)
    port, user, password = free_port(), "root-of-bench", secrets.token_urlsafe(24)
    environment = {
        **os.environ,
        "HOME": str(FOLDER),
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    command = [binary, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(data)]
    try:
        with _process("minio", command, environment, lambda: is_listening(port)):
            yield Aws("MinIO", {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", **_keys(user, password)})
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextlib.contextmanager
def _process(
    name: str, command: list[str], environment: Mapping[str, str], is_up: Callable[[], bool]
) -> Iterator[None]:
    """Runs a server until the end of the block. Raises StackError if it does not start."""
    log = FOLDER / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _await(name, process, is_up, log)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _await(name: str, process: subprocess.Popen[bytes], is_up: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not is_up():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"{name} did not start:\n{last_lines(log)}")
        time.sleep(0.05)


def _keys(access_key: str, secret_key: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
