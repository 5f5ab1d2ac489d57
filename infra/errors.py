"""Errors of the embedded stack and of deployments, with stable codes for programs and remedies in their messages."""

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
"""Disk space per transaction of the demo bank: tables, indexes, and the same amount of write-ahead log (measured)."""


class StackError(Exception):
    """A part of the stack did not start, or not as requested. The message says which part, and what to do."""

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
    """Returns the message for a full disk. `rows` is the size of the demo bank that did not fit."""
    free = shutil.disk_usage(folder).free
    problem = f"The disk is full: {free / 2**20:,.0f} MB are free at {folder}."
    if rows is None:
        return f"{problem} Free some space. `make clean` removes all of .resma."
    needed = rows * BYTES_PER_TRANSACTION / 2**20
    return (
        f"{problem} A demo bank of {rows:,} transactions needs about {needed:,.0f} MB. Free space, or set a lower ROWS."
    )


def describe_foreign_file(error: PermissionError) -> str:
    """Returns the message for a file of another user. `sudo make` creates files that belong to root."""
    path = Path(error.filename or "")
    message = f"{path}: permission denied."
    with suppress(OSError):
        owner = path.lstat().st_uid
        if owner != os.geteuid():
            folder = shlex.quote(str(next((one for one in path.parents if one.name == ".resma"), path)))
            message = (
                f"{path} belongs to user {_user_name(owner)}, probably because of `sudo make`. Change its owner with "
                f"`sudo chown -R {os.geteuid()} {folder}`, or remove it with `sudo rm -rf {folder}`."
            )
    return message


def _user_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
