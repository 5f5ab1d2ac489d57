"""A worker writes manifest and ZIP archive of 100,000 files in 160 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from tests.support.discarding_store import discarding_store
from tests.support.peak_of_manifest import DATABASE_URL
from tests.support.worker_heap import worker_heap

MAX_PEAK_MB = 160
FILES = 100_000
BYTES = 2000

_REPORT = """
INSERT INTO resma.reports (tenant_id, report_id, type, formats, filters, locale, time_zone, personal_masked, options,
    request_sha256, split_by, zip, keys_expected, rows_expected, snapshots, shards_stamp, as_of, attempts_allowed,
    totals)
VALUES ('demo', %(id)s, 'TRANSACTIONS', '{CSV}', '{}', 'en-US', 'UTC', false, '{}', '', '{account}', true, %(files)s,
    %(rows)s, 1, 'stamp', clock_timestamp(), 3, %(totals)s)
"""
_SHARD = """
INSERT INTO resma.shards (tenant_id, report_id, shard, status, first_key, last_key, first_number, keys, rows, digest,
    attempts_allowed, keys_done, rows_done)
VALUES ('demo', %(id)s, 1, 'DONE', '{1}', '{9}', 1, %(files)s, %(rows)s, '', 3, %(files)s, %(rows)s)
"""
_FILES = """
INSERT INTO resma.report_files (tenant_id, report_id, number, format, shard, key, search_text, name, rows, totals,
    object_key, media_type, bytes, sha256, crc32)
SELECT 'demo', %(id)s, n, 'CSV', 1, ARRAY['BR' || n], 'br' || n, 'statement-BR' || n || '.csv', %(rows_of_file)s,
    %(totals_of_file)s, 'demo/1/1-1/' || n || '.csv', 'text/csv', %(bytes)s, encode(sha256(n::text::bytea), 'hex'),
    %(crc32)s
FROM generate_series(1, %(files)s) AS n
"""


def totals_of(rows: int, currencies: int) -> Jsonb:
    """Returns totals of `rows` rows of 0.01 in each of the currencies."""
    amount = str(rows * Decimal("0.01"))
    return Jsonb(
        [{"currency": f"C{number}", "rows": rows, "amounts": {"amount": amount}} for number in range(currencies)]
    )


def insert_report(admin: Connection[TupleRow], *, currencies: int, files: int) -> UUID:
    """Inserts a report with this number of files of zeros, each with one row in each of the currencies."""
    report_id = uuid4()
    values = {
        "id": report_id,
        "files": files,
        "rows": files * currencies,
        "rows_of_file": currencies,
        "totals": totals_of(files, currencies),
        "totals_of_file": totals_of(1, currencies),
        "bytes": BYTES,
        "crc32": zlib.crc32(bytes(BYTES)),
    }
    for statement in (_REPORT, _SHARD, _FILES):
        admin.execute(statement.encode(), values)
    return report_id


@pytest.mark.parametrize(("files", "currencies"), [(10, 1), (FILES, 1), (30, 10_000)])
def test_memory_does_not_depend_on_the_number_of_files(
    postgres: PostgresServer, admin: Connection[TupleRow], files: int, currencies: int
) -> None:
    report_id = insert_report(admin, files=files, currencies=currencies)
    figures = _run(postgres.url, report_id)
    assert figures["peak_mb"] < MAX_PEAK_MB, figures
    assert figures["zip"] > files * BYTES


def _run(database_url: str, report_id: UUID) -> dict[str, Any]:
    with discarding_store() as store:
        environment = {
            **os.environ,
            **worker_heap(),
            "PYTHONPATH": "functions",
            DATABASE_URL: database_url,
            "AWS_ENDPOINT_URL": store,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "tests.support.peak_of_manifest", str(report_id)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    sys.stderr.write(f"{figures}\n")
    return figures
