"""A report in the making as bytes: all that another process needs to go on with it.

Pickle, because writers' states are plain values of many shapes. What is read back is read only if its SHA-256 is the
one in the report's row, and then by an unpickler that knows these states and plain values, and nothing that runs.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from resma.catalogue import ReportType
from resma.errors import CheckpointUnusable
from resma.multipart import UploadState
from resma.rows import Row
from resma.summary import Summary


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One of the report's files: its writer's state and its upload's."""

    format: str
    writer: Any
    upload: UploadState


@dataclass(frozen=True, slots=True)
class SavedWork:
    """Everything that the next attempt goes on from."""

    stamp: str
    """Of the code and the report type that made it (`stamp_of`)."""
    summary: Summary
    """Of the first snapshot: what the file's beginning says, and what later snapshots must hold too."""
    organisation: str
    rows: int
    last_key: Row
    """The last row's cells of the columns that the report is sorted by."""
    snapshots: int
    """How many have been read from."""
    files: tuple[SavedFile, ...]


_ADMITTED = {
    "resma.saved_work": {"SavedWork", "SavedFile"},
    "resma.multipart": {"UploadState", "Segment"},
    "resma.object_store": {"Part"},
    "resma.summary": {"Summary"},
    "resma.header": {"Total", "Chart", "Series", "Period", "Balance"},
    "resma.writers.csv": {"CsvState"},
    "resma.writers.csv_excel": {"ExcelCsvState"},
    "resma.writers.ndjson": {"NdjsonState"},
    "resma.writers.compressed": {"GzipState", "ZstdState"},
    "resma.writers.deflate": {"DeflateState"},
    "resma.writers.parquet": {"ParquetState"},
    "resma.writers.xlsx.writer": {"XlsxState"},
    "resma.writers.xlsx.archive": {"ArchiveState", "Entry"},
    "resma.writers.pdf.state": {"State"},
    "resma.writers.pdf.objects": {"FileState"},
    "resma.writers.pdf.tree": {"TreeState", "Node"},
    "resma.writers.pdf.glyph_codes": {"WideState", "UsedTypeface"},
    "builtins": {"bytearray"},
    "array": {"array", "_array_reconstructor"},
    "decimal": {"Decimal"},
    "datetime": {"datetime", "timezone", "timedelta"},
}
"""By module, what may be in it. Lists, dicts, tuples, numbers, text and bytes need no name."""


def dump_work(work: SavedWork) -> bytes:
    """Returns it as bytes."""
    return pickle.dumps(work, protocol=5)


def load_work(data: bytes) -> SavedWork:
    """Reads what `dump_work` made. Raises CheckpointUnusable for anything else, before it can do anything."""
    try:
        work = _Unpickler(io.BytesIO(data)).load()
    except CheckpointUnusable:
        raise
    except Exception as error:  # bytes that are no pickle make it raise whatever they happen to say
        raise CheckpointUnusable(f"what was saved can't be read ({type(error).__name__})") from error
    if not isinstance(work, SavedWork):
        raise CheckpointUnusable("what was saved is no report in the making")
    return work


def stamp_of(report_type: ReportType) -> str:
    """What tells whether this code would write the same bytes: hash of the report type, our code and its libraries."""
    return hashlib.sha256(f"{report_type.model_dump_json()} {_code()}".encode()).hexdigest()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _ADMITTED.get(module, ()):
            raise CheckpointUnusable(f"what was saved names {module}.{name}, which is no part of a report")
        return super().find_class(module, name)


@lru_cache
def _code() -> str:
    """Of our modules, of what they read, and of the file that pins the libraries: their bytes are in our files too."""
    functions = Path(__file__).parents[1]
    digest = hashlib.sha256(platform.python_version().encode())
    ours = sorted(path for name in ("resma", "worker") for path in (functions / name).rglob("*"))
    for path in (*ours, functions / "requirements.txt"):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()
