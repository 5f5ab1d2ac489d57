"""Downloads the files of a split report of account statements, and compares its list with the demo bank's rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from tests.support.client import Client
from tests.support.verify_split import Headings

HEADINGS = Headings(key={}, amounts={"amount": "amount"}, currency="currency")
"""Headings of the amounts and the currency in CSV files of account statements."""

_DOWNLOAD_THREADS = 8

_STATEMENTS = """
    SELECT a.account_id, a.currency, 1 + count(t.transaction_id), coalesce(sum(t.amount), 0)
    FROM bank.accounts AS a
    LEFT JOIN bank.transactions AS t
      ON t.tenant_id = a.tenant_id AND t.account_id = a.account_id AND t.currency = a.currency AND t.status = 'BOOKED'
     AND (%(from)s::date IS NULL OR t.booked_at >= %(from)s::date)
     AND (%(to)s::date IS NULL OR t.booked_at < %(to)s::date + 1)
    WHERE a.tenant_id = 'demo'
    GROUP BY a.account_id, a.currency
"""


def download_split(client: Client, report_id: str, folder: Path) -> list[dict[str, Any]]:
    """Stores the files of a READY split report in a folder, with list and manifest. Returns the list's lines."""
    bucket, record = client.stack.up.outputs["BucketName"], client.row(report_id)["manifest"]

    def fetch(key: str, name: str) -> None:
        content: bytes = client.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        (folder / name).write_bytes(content)

    fetch(record["manifest"]["object_key"], "manifest.json")
    fetch(record["list"]["object_key"], "manifest.ndjson.gz")
    lines = [json.loads(line) for line in gzip.decompress((folder / "manifest.ndjson.gz").read_bytes()).splitlines()]
    with ThreadPoolExecutor(_DOWNLOAD_THREADS) as pool:
        for _ in pool.map(lambda line: fetch(line["object"], line["name"]), lines):
            pass
    return lines


def statement_problems(client: Client, filters: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields the files whose rows or amounts differ from those of the demo bank in UTC, and missing or extra ones."""
    with psycopg.connect(client.stack.up.database_url) as connection:
        connection.execute("SET timezone = 'UTC'")
        rows = connection.execute(_STATEMENTS, {"from": filters.get("from"), "to": filters.get("to")}).fetchall()
    expected = {account: (currency, count, amount) for account, currency, count, amount in rows}
    formats = {line["format"] for line in lines}
    for format_ in sorted(formats):
        missing = set(expected) - {line["key"]["account"] for line in lines if line["format"] == format_}
        if missing:
            yield f"{format_}: {len(missing)} accounts have no file, such as {min(missing)}"
    for line in lines:
        (total,) = line["totals"]
        found = (total["currency"], line["rows"], Decimal(total["amounts"]["amount"]))
        if found != expected.get(line["key"]["account"]):
            yield f"{line['name']}: {found} instead of {expected.get(line['key']['account'])}"
