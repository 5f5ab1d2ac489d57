"""What can go wrong with the embedded stack. `code` is stable and meant for programs; the message says what helps."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BYTES_PER_TRANSACTION = 720
"""Disk space of the demo bank: its tables with indexes, and as much again of write-ahead log (measured)."""


class StackError(Exception):
    """A part of the stack did not come up, or not as requested. The message says which, and what to do."""

    code = "stack-failed"


class StackBusyError(StackError):
    """Another command is starting or stopping the same stack."""

    code = "stack-busy"


class StackDiffersError(StackError):
    """The stack that is up has another port, or another demo bank, than is wanted."""

    code = "stack-differs"


class DiskFullError(StackError):
    """There is no space for the stack's files."""

    code = "disk-full"


class ForeignFileError(StackError):
    """A file of the stack may not be written: most often it belongs to another user."""

    code = "foreign-file"


@contextmanager
def explain_os_errors(folder: Path) -> Iterator[None]:
    """Raises StackError for a full disk, which `folder` is on, and for a file that may not be written."""
    try:
        yield
    except PermissionError as error:
        raise ForeignFileError(describe_foreign_file(error)) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise DiskFullError(describe_full_disk(folder)) from error


def describe_full_disk(folder: Path, rows: int | None = None) -> str:
    """Says that the disk of a folder is full, and what helps; `rows` is the size of the demo bank that did not fit."""
    free = shutil.disk_usage(folder).free
    said = f"The disk is full: {free / 2**20:,.0f} MB are free at {folder}."
    if rows is None:
        return f"{said} Free some space; `make clean` removes all of .resma."
    needed = rows * BYTES_PER_TRANSACTION / 2**20
    return f"{said} A demo bank of {rows:,} transactions needs about {needed:,.0f} MB. Free space, or set a lower ROWS."


def describe_foreign_file(error: PermissionError) -> str:
    """Says whose the file is that may not be written, and what helps: `sudo make` leaves files of root."""
    path = Path(error.filename or "")
    said = f"{path}: permission denied."
    with suppress(OSError):
        owner = path.lstat().st_uid
        if owner != os.geteuid():
            folder = shlex.quote(str(next((one for one in path.parents if one.name == ".resma"), path)))
            said = (
                f"{path} belongs to user {_user_name(owner)}, probably since `sudo make`. Give it to yourself, "
                f"`sudo chown -R {os.geteuid()} {folder}`, or remove it, `sudo rm -rf {folder}`."
            )
    return said


def _user_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
