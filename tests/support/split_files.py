"""Rows and objects of split reports, as workers insert them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Key = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class SplitReport:
    """A split report with one file in each format for each key. File number n has n % 3 + 1 rows of 1.10 each."""

    keys: Sequence[Key]
    by: Sequence[str] = ("account",)
    formats: Sequence[str] = ("CSV",)
    failed: Collection[tuple[int, str]] = ()
    """Numbers and formats of the files that could not be made."""
    made: int | None = None
    """Number of keys whose files are stored; None: all."""
    keys_per_shard: int = 10
    snapshot: int = 1
    names: dict[int, str] = field(default_factory=dict)
    """Names of files without extension, by number. The default contains the number."""

    def rows_of(self, number: int) -> int:
        """Returns the number of rows of a file."""
        return number % 3 + 1

    @property
    def rows(self) -> int:
        """Number of rows of all keys."""
        return sum(self.rows_of(number) for number in range(1, len(self.keys) + 1))

    def name_of(self, number: int, format_: str) -> str:
        """Returns the name of a file for its recipient."""
        return f"{self.names.get(number, f'statement-{number}')}.{format_.lower()}"

    def content_of(self, number: int, format_: str) -> bytes:
        """Returns the content of a file, which is different for each."""
        return f"{format_} file {number}: {self.keys[number - 1]}\n".encode() * self.rows_of(number)

    def totals_of(self, rows: int) -> list[dict[str, Any]]:
        """Returns the totals of a number of rows."""
        return [{"currency": "BRL", "rows": rows, "amounts": {"amount": str(rows * Decimal("1.10"))}}]

    def files(self) -> Iterator[tuple[int, str]]:
        """Yields number and format of each file that has a row."""
        made = len(self.keys) if self.made is None else self.made
        for number in range(1, made + 1):
            for format_ in sorted(self.formats):
                yield number, format_

    def manifest_lines(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yields the lines of the list of stored files."""
        for number, format_ in self.files():
            if (number, format_) not in self.failed:
                content = self.content_of(number, format_)
                yield {
                    "number": number,
                    "key": dict(zip(self.by, self.keys[number - 1], strict=True)),
                    "format": format_,
                    "name": self.name_of(number, format_),
                    "object": object_key(prefix, number, format_),
                    "bytes": len(content),
                    "rows": self.rows_of(number),
                    "totals": self.totals_of(self.rows_of(number)),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "pages": 1 if format_ == "PDF" else None,
                    "snapshot": self.snapshot,
                }


def object_key(prefix: str, number: int, format_: str) -> str:
    """Returns the key of a file's object."""
    return f"{prefix}1-1/{number}.{format_.lower()}"


def insert_split(connection: Connection[TupleRow], report_id: UUID, split: SplitReport, tenant: str = "demo") -> None:
    """Makes a report split, and inserts its shards and the rows of its files. Its status is not changed."""
    connection.execute(
        "UPDATE resma.reports SET split_by = %s, formats = %s, keys_expected = %s, rows_expected = %s, keys_done = %s,"
        " snapshots = %s WHERE report_id = %s",
        (
            list(split.by),
            list(split.formats),
            len(split.keys),
            split.rows,
            len(split.keys) if split.made is None else split.made,
            split.snapshot,
            report_id,
        ),
    )
    _insert_shards(connection, report_id, split, tenant)
    prefix = f"{tenant}/{report_id}/"
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO resma.report_files (tenant_id, report_id, number, format, shard, key, search_text, name, rows,
                totals, snapshot, object_key, media_type, bytes, sha256, crc32, pages, error_code, error_detail)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [_file_row(report_id, split, number, format_, tenant, prefix) for number, format_ in split.files()],
        )


def finish_split(connection: Connection[TupleRow], report_id: UUID, manifest: dict[str, Any]) -> None:
    """Makes a split report READY, with the objects of its manifest by name, or None for no ZIP archive."""
    connection.execute(
        "UPDATE resma.reports SET status = 'READY', manifest = %s, rows_done = rows_expected,"
        " keys_done = keys_expected, as_of = clock_timestamp(), finished_at = clock_timestamp(),"
        " expires_at = clock_timestamp() + interval '30 days', lease_until = NULL WHERE report_id = %s",
        (Jsonb(manifest), report_id),
    )


def store_split(s3: S3Client, bucket: str, report_id: UUID, split: SplitReport, tenant: str = "demo") -> dict[str, Any]:
    """Puts the files, the list and the manifest of a split report into the store. Returns its manifest's record."""
    prefix = f"{tenant}/{report_id}/"
    for number, format_ in split.files():
        if (number, format_) not in split.failed:
            s3.put_object(
                Bucket=bucket, Key=object_key(prefix, number, format_), Body=split.content_of(number, format_)
            )
    record: dict[str, Any] = {"zip": None}
    contents = {"list": b"".join(json.dumps(line).encode() + b"\n" for line in split.manifest_lines(prefix))}
    contents["manifest"] = b'{"version": 1}\n'
    for name, content in contents.items():
        key = f"{prefix}1.{name}"
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        record[name] = {
            "object_key": key,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    return record


def _insert_shards(connection: Connection[TupleRow], report_id: UUID, split: SplitReport, tenant: str) -> None:
    made = len(split.keys) if split.made is None else split.made
    for shard, first in enumerate(range(0, len(split.keys), split.keys_per_shard), start=1):
        keys = split.keys[first : first + split.keys_per_shard]
        rows = sum(split.rows_of(first + 1 + offset) for offset in range(len(keys)))
        done = max(0, min(len(keys), made - first))
        is_done = done == len(keys)
        connection.execute(
            "INSERT INTO resma.shards (tenant_id, report_id, shard, status, first_key, last_key, first_number, keys,"
            " rows, digest, attempt, attempts_allowed, keys_done, rows_done)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'digest', 1, 3, %s, %s)",
            (
                tenant,
                report_id,
                shard,
                "DONE" if is_done else "PENDING",
                list(keys[0]),
                list(keys[-1]),
                first + 1,
                len(keys),
                rows,
                done,
                rows if is_done else 0,
            ),
        )


def _file_row(
    report_id: UUID, split: SplitReport, number: int, format_: str, tenant: str, prefix: str
) -> tuple[object, ...]:
    key, rows = split.keys[number - 1], split.rows_of(number)
    shard = (number - 1) // split.keys_per_shard + 1
    search = " ".join(cell for cell in key if cell is not None).lower()
    about = (tenant, report_id, number, format_, shard, list(key), search, split.name_of(number, format_), rows)
    totals = Jsonb(split.totals_of(rows))
    if (number, format_) in split.failed:
        error = ("format-limit-exceeded", "The cell has too many characters.")
        return (*about, totals, split.snapshot, None, None, None, None, None, None, *error)
    content = split.content_of(number, format_)
    sha256, crc32 = hashlib.sha256(content).hexdigest(), zlib.crc32(content)
    stored = (object_key(prefix, number, format_), "text/csv", len(content), sha256, crc32)
    return (*about, totals, split.snapshot, *stored, 1 if format_ == "PDF" else None, None, None)
