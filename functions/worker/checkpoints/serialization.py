"""A report in the making as bytes: all that another process needs to continue it.

MessagePack of dataclasses, with the version of their form. What is read back is read only if its SHA-256 is the one in
the report's row, and then into these types alone.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from resma.catalog import ReportType
from resma.errors import CheckpointUnusableError
from resma.jobs.report_rows import FailedFile
from resma.report.rows import Row
from resma.report.summary import Summary
from resma.storage.multipart import FileCheckpoint, UploadState


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One of the report's files: its writer's state (`resma.writers.saved_state`) and its upload's."""

    format: str
    writer: bytes
    upload: UploadState


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """Everything that the next attempt goes on from."""

    stamp: str
    """Of the code and the report type that made it (`stamp_of`)."""
    summary: Summary
    """Of the first snapshot: what the file's beginning says, and what later snapshots must hold too."""
    organization: str
    rows: int
    last_key: Row
    """The last row's cells of the columns that the report is sorted by."""
    snapshots: int
    """How many have been read from."""
    files: tuple[SavedFile, ...]
    failed: tuple[FailedFile, ...] = ()
    """Files of other formats, which can't be made."""


@dataclass(frozen=True)
class Begun:
    """A file that an earlier attempt has begun: its writer's state, and what the store has of it."""

    writer: bytes
    beginning: FileCheckpoint


@dataclass(frozen=True)
class EarlierFiles:
    """What earlier attempts have left of the report's files: begun, by format, or found to be impossible."""

    begun: Mapping[str, Begun] = field(default_factory=dict)
    failed: Sequence[FailedFile] = ()


VERSION = 1
"""Of the form of what is saved."""


def dump_checkpoint(work: CheckpointState) -> bytes:
    """Returns it as bytes."""
    return msgspec.msgpack.encode((VERSION, work))


def load_checkpoint(data: bytes) -> CheckpointState:
    """Reads what `dump_work` made. Raises CheckpointUnusableError for anything else."""
    try:
        version, saved = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
        if version != VERSION:
            raise CheckpointUnusableError(f"The checkpoint has version {version}. This code reads version {VERSION}.")
        return msgspec.msgpack.decode(saved, type=CheckpointState)
    except msgspec.MsgspecError as error:
        raise CheckpointUnusableError(f"The checkpoint cannot be read: {error}") from error


def stamp_of(report_type: ReportType) -> str:
    """What tells whether this code would write the same bytes: hash of the report type, our code and its libraries."""
    return hashlib.sha256(f"{report_type.model_dump_json()} {_code()}".encode()).hexdigest()


@lru_cache
def _code() -> str:
    """Of our modules, of what they read, and of the file that pins the libraries: their bytes are in our files too."""
    functions = Path(__file__).parents[2]
    digest = hashlib.sha256(platform.python_version().encode())
    ours = sorted(path for name in ("resma", "worker") for path in (functions / name).rglob("*"))
    for path in (*ours, functions / "requirements.txt"):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()
