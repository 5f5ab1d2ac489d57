"""Serializes the checkpoint state of a report: all that another process needs to continue it.

The format is MessagePack of dataclasses, with a format version. A checkpoint is read only if its SHA-256 is the one in
the report's row, and is decoded into these types only.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from resma.catalog import ReportType, settings_fingerprint
from resma.errors import CheckpointUnusableError
from resma.jobs.report_rows import FailedFile
from resma.report.rows import Row
from resma.report.summary import Summary
from resma.storage.multipart import FileCheckpoint, UploadState


@dataclass(frozen=True, slots=True)
class SavedFile:
    """The state of one of the report's files: its writer's (`resma.writers.saved_state`) and its upload's."""

    format: str
    writer: bytes
    upload: UploadState


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """The state that the next attempt continues from."""

    stamp: str
    """Hash of the code and the report type that made the checkpoint (`stamp_of`)."""
    summary: Summary
    """Summary of the first snapshot, which the files' headers state. Later snapshots must have the same summary."""
    organization: str
    rows: int
    last_key: Row
    """The last row's cells of the columns that the report is sorted by."""
    snapshots: int
    """Number of snapshots that were read so far."""
    files: tuple[SavedFile, ...]
    failed: tuple[FailedFile, ...] = ()
    """Files of the formats in which the report cannot be made."""


@dataclass(frozen=True)
class ResumedFile:
    """A file that an earlier attempt has started: its writer's state, and its bytes that are in the object store."""

    writer: bytes
    checkpoint: FileCheckpoint


@dataclass(frozen=True)
class EarlierFiles:
    """Files of earlier attempts: by format those to continue, and those that failed because of their format."""

    resumed: Mapping[str, ResumedFile] = field(default_factory=dict)
    failed: Sequence[FailedFile] = ()


VERSION = 1
"""Version of the serialization format."""


def dump_checkpoint(state: CheckpointState) -> bytes:
    """Serializes a checkpoint state."""
    return msgspec.msgpack.encode((VERSION, state))


def load_checkpoint(data: bytes) -> CheckpointState:
    """Deserializes the output of `dump_checkpoint`. Raises CheckpointUnusableError for anything else."""
    try:
        version, encoded = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
        if version != VERSION:
            raise CheckpointUnusableError(f"The checkpoint has version {version}. This code reads version {VERSION}.")
        return msgspec.msgpack.decode(encoded, type=CheckpointState)
    except msgspec.MsgspecError as error:
        raise CheckpointUnusableError(f"The checkpoint cannot be read: {error}.") from error


def stamp_of(report_type: ReportType) -> str:
    """Returns a hash of the report type, the settings of its catalog, the code and its libraries.

    If it is the same, the code writes the same bytes. Hexadecimal SHA-256.
    """
    # The dump omits the query, which is not in report.toml.
    described = (report_type.model_dump_json(), report_type.query, settings_fingerprint(), _code())
    return hashlib.sha256("\0".join(described).encode()).hexdigest()


@lru_cache
def _code() -> str:
    """Returns a hash of the modules, of the files that they read, and of the lock file of the libraries."""
    functions = Path(__file__).parents[2]
    digest = hashlib.sha256(platform.python_version().encode())
    ours = sorted(path for name in ("resma", "worker") for path in (functions / name).rglob("*"))
    for path in (*ours, functions / "requirements.txt"):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()
