"""The rows of `resma.report_files`: the files of the keys of a split report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.jobs.fence import Fence
from resma.jobs.report_rows import FailedFile
from resma.report.records import TotalRecord
from resma.report.warnings import MAX_DETAIL_CHARACTERS
from resma.shards.rows import Cells, text_of
from resma.short_text import shorten

MAX_SEARCH_CHARACTERS = 500
"""Maximum length of a string to search by. An entry of an index has at most 2,704 bytes, and a search is shorter: 200
characters, each of which may become two in lower case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFile:
    """One file of one key: stored, or not made because its format cannot represent a value."""

    number: int
    """Number of its key in the order of the report, from 1."""
    format: str
    key: Cells
    name: str
    """Name of the file for its recipient, with its extension."""
    rows: int
    totals: Sequence[TotalRecord]
    snapshot: int
    """Number of the snapshot that its rows are from."""
    object_key: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    plain_sha256: str | None = None
    """SHA-256 before encryption by OpenPGP; None if the file is not encrypted."""
    crc32: int | None = None
    pages: int | None = None
    error_code: str | None = None
    error_detail: str | None = None


def insert_files(
    connection: Connection[TupleRow], tenant_id: str, report_id: UUID, shard: int, files: Sequence[KeyFile]
) -> None:
    """Inserts files of a shard. Call it in a transaction that has updated the shard with its fence.

    Safe to call twice: if the answer of a commit was lost, the attempt has already inserted these files.
    """
    connection.execute(
        """
        INSERT INTO resma.report_files (tenant_id, report_id, shard, number, format, key, search_text, name, rows,
                                        totals, snapshot, object_key, media_type, bytes, sha256, plain_sha256,
                                        crc32, pages, error_code, error_detail)
        SELECT %s, %s, %s, number, format, ARRAY(SELECT jsonb_array_elements_text(key)), search_text, name, rows,
               totals, snapshot, object_key, media_type, bytes, sha256, plain_sha256, crc32, pages, error_code,
               error_detail
        FROM jsonb_to_recordset(%s::jsonb) AS file (
            number bigint, format text, key jsonb, search_text text, name text, rows bigint, totals jsonb,
            snapshot integer, object_key text, media_type text, bytes bigint, sha256 text, plain_sha256 text,
            crc32 bigint, pages integer, error_code text, error_detail text)
        ON CONFLICT DO NOTHING
        """,
        (tenant_id, report_id, shard, json.dumps([_as_json(file) for file in files], ensure_ascii=False)),
    )


def _as_json(file: KeyFile) -> dict[str, object]:
    key = text_of(file.key)
    described: dict[str, object] = {name: getattr(file, name) for name in KeyFile.__dataclass_fields__}
    return {**described, "key": key, "search_text": search_text(key)}


def search_text(key: Sequence[str | None]) -> str:
    """Returns the string that searches for files compare with: the start of the cells of the key, in lower case."""
    return " ".join(cell for cell in key if cell is not None).lower()[:MAX_SEARCH_CHARACTERS]


@dataclass(frozen=True)
class FileSums:
    """Sums over the stored files of a report."""

    files: int
    bytes: int


def sum_files(connection: Connection[TupleRow], fence: Fence) -> FileSums:
    """Returns the number and the size of a report's stored files."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM resma.report_files"
        " WHERE tenant_id = %s AND report_id = %s AND error_code IS NULL",
        (fence.tenant_id, fence.report_id),
    ).fetchone()
    assert row is not None  # an aggregate always returns a row
    return FileSums(*row)


def find_failed_formats(connection: Connection[TupleRow], fence: Fence) -> list[FailedFile]:
    """Returns each format in which a file could not be made, with the reason of the first such file.

    The file is named by its number, because its name may contain personal data.
    """
    rows = connection.execute(
        "SELECT DISTINCT ON (format) format, error_code, error_detail, number FROM resma.report_files"
        " WHERE tenant_id = %s AND report_id = %s AND error_code IS NOT NULL ORDER BY format, number",
        (fence.tenant_id, fence.report_id),
    ).fetchall()
    return [
        FailedFile(format=format_, code=code, detail=shorten(f"File {number}: {detail}", MAX_DETAIL_CHARACTERS))
        for format_, code, detail, number in rows
    ]


@dataclass(frozen=True)
class KeptFiles:
    """The objects of a report's stored files, by the folder in their keys. An attempt of a shard has its own folder."""

    numbers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The first and the last number of the stored files in each folder."""
    complete_folders: Sequence[str] = ()
    """Folders of the attempts that finished their shards: all their objects are files of the report."""


def find_kept_files(connection: Connection[TupleRow], tenant_id: str, report_id: UUID) -> KeptFiles:
    """Returns which objects of a report are its files.

    An attempt of a shard records its files in the order of their numbers. So each object between the first and the last
    number of its folder is a file of the report, and the others are leftovers.
    """
    rows = connection.execute(
        "SELECT split_part(object_key, '/', 3), min(number), max(number) FROM resma.report_files"
        " WHERE tenant_id = %s AND report_id = %s AND object_key IS NOT NULL GROUP BY 1",
        (tenant_id, report_id),
    ).fetchall()
    complete = connection.execute(
        "SELECT shard || '-' || attempt FROM resma.shards WHERE tenant_id = %s AND report_id = %s AND status = 'DONE'",
        (tenant_id, report_id),
    ).fetchall()
    return KeptFiles({folder: (first, last) for folder, first, last in rows}, [folder for (folder,) in complete])
