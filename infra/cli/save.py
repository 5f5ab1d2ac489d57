"""Saving a report's files: whole and with the SHA-256 that the API states, or not under their name."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import BinaryIO

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from infra.cli.api import Api, Json, connect_to, say_cause
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.output import Output

CHUNK_BYTES = 1 << 20
TRIES_WITHOUT_PROGRESS = 5

_TIMEOUT = urllib3.Timeout(connect=10, read=30)


class _LinkBroken(Exception):
    """The connection broke, or the address's time was over: another one may go on from here."""


class _ContentWrong(Exception):
    """What came is not the file that the API describes."""


@dataclass(frozen=True)
class Target:
    """Where files go: a folder that is there, a file's name, or (None) here, under the names that the server gives."""

    path: Path | None
    overwrite: bool = False

    def check(self, files: int) -> None:
        """Raises CommandFailed for what can be seen to fail before anything is asked for."""
        if self.path is None or self.path.is_dir():
            return
        if files > 1:
            raise CommandFailed(ExitCode.USAGE, f"there are {files} files and {self.path} is no folder: name a folder")
        if not self.path.parent.is_dir():
            raise CommandFailed(ExitCode.USAGE, f"there is no folder {self.path.parent}: make it, or name another")
        self.require_free(self.path)

    def place(self, named: str) -> Path:
        """The file's path, given the name that its server gives it."""
        if self.path is None:
            return Path(named)
        return self.path / named if self.path.is_dir() else self.path

    def require_free(self, path: Path) -> None:
        """Raises CommandFailed where a file is there and must stay."""
        if path.exists() and not self.overwrite:
            raise CommandFailed(ExitCode.USAGE, f"{path} is there already: name another, or say --overwrite")


def save_files(api: Api, output: Output, report: Json, target: Target, format_: str | None = None) -> list[Json]:
    """Saves a report's files, or the one of a format; returns what was saved. Raises CommandFailed."""
    files = [file for file in report["files"] or [] if format_ in {None, file["format"]}]
    if not files:
        there = ", ".join(report["formats"])
        why = f"is {report['status']} and has no file" if not report["files"] else f"has no {format_}; it has {there}"
        raise CommandFailed(ExitCode.NOT_FOUND, f"report {report['id']} {why}")
    target.check(len(files))
    return [_save(api, output, report, file, target) for file in files]


def _save(api: Api, output: Output, report: Json, file: Json, target: Target) -> Json:
    report_id, format_ = str(report["id"]), file["format"]

    def fetch(offset: int) -> BaseHTTPResponse:
        return _open(api.download_address(report_id, format_), offset)

    path = _path_for(fetch, target, f"{report_id}.{format_.lower()}")
    _require_space(path, file["bytes"])
    try:
        with _part(path, file["sha256"], target) as part:
            _fill(part, file, fetch)
    except _LinkBroken as error:
        detail = f"the download broke off ({error}): `resma download {report_id}` goes on where it stopped"
        raise CommandFailed(ExitCode.UNREACHABLE, detail) from error
    except _ContentWrong as error:
        detail = f"{error}: nothing was saved. Try again; if it stays so, what lies in the store was changed"
        raise CommandFailed(ExitCode.FAILED, detail, code="content-wrong") from error
    output.note(f"saved {path}: {file['bytes']:,} bytes, SHA-256 as stated")
    return {"format": format_, "path": str(path), "bytes": file["bytes"], "sha256": file["sha256"]}


def _path_for(fetch: Callable[[int], BaseHTTPResponse], target: Target, otherwise: str) -> Path:
    """Where the file goes. Its server's name for it, when it takes that, is used only where it is a plain name."""
    if target.path is not None and not target.path.is_dir():
        return target.path
    try:
        answer = fetch(0)
    except _LinkBroken as error:
        raise CommandFailed(ExitCode.UNREACHABLE, f"the file's address does not answer ({error})") from error
    answer.close()
    named = re.search(r'filename="(\w[\w.-]{0,200})"', answer.headers.get("Content-Disposition", ""), re.ASCII)
    path = target.place(named[1] if named else otherwise)
    target.require_free(path)
    return path


def _require_space(path: Path, wanted_bytes: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if wanted_bytes > free:
        detail = f"the file has {wanted_bytes:,} bytes and {path.parent.absolute()} has room for {free:,}: make room"
        raise CommandFailed(ExitCode.FAILED, detail)


@contextlib.contextmanager
def _part(path: Path, sha256: str, target: Target) -> Iterator[BinaryIO]:
    """The file while it is not whole, beside where it shall be; renamed when the block ends well.

    An interrupted download leaves it for the next one; its name tells of which content it is a part.
    """
    part = path.with_name(f"{path.name}.{sha256[:12]}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_taken = not part.exists() or part.stat().st_ino != os.fstat(file.fileno()).st_ino
        except BlockingIOError:
            is_taken = True
        if is_taken:
            raise CommandFailed(ExitCode.FAILED, f"another resma is saving {path}: wait for it to end")
        try:
            yield file
        except _ContentWrong:
            part.unlink()
            raise
        file.flush()
        os.fsync(file.fileno())
        target.require_free(path)
        part.replace(path)


def _fill(part: BinaryIO, file: Json, fetch: Callable[[int], BaseHTTPResponse]) -> None:
    """Makes the part whole. What an earlier run left is gone on with, and fetched anew if that comes out wrong."""
    was_begun = bool(part.seek(0, os.SEEK_END))
    try:
        _go_on(part, file, fetch)
    except _ContentWrong:
        if not was_begun:
            raise
        part.truncate(0)
        _go_on(part, file, fetch)


def _go_on(part: BinaryIO, file: Json, fetch: Callable[[int], BaseHTTPResponse]) -> None:
    digest, tries = _hash_of(part), 0
    while (size := part.tell()) < file["bytes"]:
        try:
            answer = fetch(size)
            if answer.status == 200 and size:  # the store sends all of it, whatever was asked
                part.seek(0)
                part.truncate()
                digest = hashlib.sha256()
            for chunk in answer.stream(CHUNK_BYTES, decode_content=False):
                tries = 0
                part.write(chunk)
                digest.update(chunk)
                if part.tell() > file["bytes"]:
                    answer.close()
                    break
        except (HTTPError, _LinkBroken) as error:
            tries += 1
            if tries == TRIES_WITHOUT_PROGRESS:
                raise _LinkBroken(say_cause(error)) from error
            sleep(0.2 * 2**tries)
    if part.tell() != file["bytes"] or digest.hexdigest() != file["sha256"]:
        raise _ContentWrong("what came is not the file that the API describes, its size or SHA-256 differs")


def _hash_of(part: BinaryIO) -> hashlib._Hash:
    """The SHA-256 of what is there; the position is at its end then."""
    digest = hashlib.sha256()
    part.seek(0)
    while chunk := part.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest


def _open(address: str, offset: int) -> BaseHTTPResponse:
    """Asks for a minted address, which is its own credential: no other is sent. Raises _LinkBroken."""
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    try:
        answer = connect_to(address).request(
            "GET", address, headers=headers, preload_content=False, redirect=False, retries=False, timeout=_TIMEOUT
        )
    except HTTPError as error:
        raise _LinkBroken(say_cause(error)) from error
    goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    if answer.status != 200 and not (answer.status == 206 and goes_on):
        answer.close()
        raise _LinkBroken(f"the store answered {answer.status}")
    return answer
