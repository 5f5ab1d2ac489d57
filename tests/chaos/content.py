"""Computes a SHA-256 of a file's content, so that two reports with the same rows can be compared.

CSV and NDJSON contain only rows: the hash is that of their bytes, compressed or not. The other formats also contain the
report's id and its timestamp (`asOf`), so the hash is that of
- Parquet: the columns' names, types and values, as Arrow reads them;
- XLSX: name and content of every file of the archive, without id and timestamp;
- PDF: the text that PDFium reads, without id and timestamp, and with each run of spaces as one space.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import UTC, date, datetime

import pyarrow
import pyarrow.parquet

from tests.support.pdf_readers import read_in_order

# In a PDF only the report's own timestamp names its time zone; rows are in the time zone that the heading names.
_PDF_TIMESTAMP = re.compile(r"\S+ \d\d:\d\d:\d\d UTC")


def content_sha256(content: bytes, format_: str, report_id: str, as_of: datetime) -> str:
    """Returns the SHA-256 of a file's content in hexadecimal."""
    if format_ == "PARQUET":
        return _parquet_sha256(content)
    if format_ == "XLSX":
        return _xlsx_sha256(content, report_id, as_of.astimezone(UTC))
    if format_ == "PDF":
        text = _PDF_TIMESTAMP.sub("", "\f".join(read_in_order(content)).replace(report_id, ""))
        lines = "\n".join(" ".join(line.split()) for line in text.splitlines())
        return hashlib.sha256(lines.encode()).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _parquet_sha256(content: bytes) -> str:
    table = pyarrow.parquet.read_table(io.BytesIO(content)).replace_schema_metadata(None).combine_chunks()
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=10_000)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _xlsx_sha256(content: bytes, report_id: str, as_of: datetime) -> str:
    # The properties have ISO 8601, the summary sheet days since 1899-12-30. The bank's rows are years older.
    days = (as_of.date() - date(1899, 12, 30)).days
    own = re.compile(rf"{re.escape(report_id)}|{as_of:%Y-%m-%dT%H:%M:%SZ}|<v>{days}\.\d+</v>".encode())
    whole = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            data = own.sub(b"", archive.read(name))
            whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()
