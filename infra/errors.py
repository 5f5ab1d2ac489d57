"""What can go wrong with the embedded stack."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

BYTES_PER_TRANSACTION = 720
"""Disk space of the demo bank: its tables with indexes, and as much again of write-ahead log (measured)."""


class StackError(Exception):
    """A part of the stack did not come up, or not as requested. The message says which, and what to do."""


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
