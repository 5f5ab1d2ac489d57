"""Saves a report's files. A file gets its name only when it is complete and its SHA-256 is verified."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import BinaryIO

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from resma_cli.api_client import Api, Json, describe_cause, path_of
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.fetch import (
    CHUNK_BYTES,
    TRIES_WITHOUT_PROGRESS,
    ContentWrongError,
    LinkBrokenError,
    open_file,
    require_progress,
)
from resma_cli.output import Output
from resma_cli.stream import stream_content, stream_file
from resma_cli.target import OutputTarget

MANIFEST_FILES = {"manifest": "manifest.json", "list": "manifest.ndjson.gz"}
"""Names under which manifest and list of a split report are saved, by their names in the API."""

Fetch = Callable[[int], BaseHTTPResponse]
"""Opens a new presigned URL of a file at an offset. Raises LinkBrokenError."""


def save_files(api: Api, output: Output, report: Json, target: OutputTarget, format_: str | None = None) -> list[Json]:
    """Saves a report's files, or only that of `format_`. Returns the saved files as JSON. Raises CommandFailedError."""
    files = choose_files(report, format_)
    target.check(len(files))
    save = stream_file if target.is_stream else _save
    return [save(api, output, report, file, target) for file in files]


def save_report(api: Api, output: Output, report: Json, target: OutputTarget, format_: str | None = None) -> list[Json]:
    """Saves the files of a report; of a split report its manifest, if a target was named.

    Returns the saved files as JSON. Raises CommandFailedError.
    """
    if not report.get("splitBy"):
        return save_files(api, output, report, target, format_)
    return save_manifest(api, output, report, target) if target.path is not None else []


def save_manifest(api: Api, output: Output, report: Json, target: OutputTarget) -> list[Json]:
    """Saves the manifest of a split report, in a folder together with the list of its files.

    Returns the saved files as JSON. Raises CommandFailedError.
    """
    target.check(count_saved(report, target, None))
    saved = []
    for name, file_name in MANIFEST_FILES.items():
        if name == "list" and target.is_stream:
            break
        file = report["split"][name]
        url = path_of("reports", str(report["id"]), "download")

        def fetch(offset: int, url: str = url, name: str = name) -> BaseHTTPResponse:
            return open_file(api.create_url(url, {"file": name}), offset)

        path = target.path_of(file_name)
        if target.is_stream:
            stream_content(output, file, fetch, target)
        else:
            target.require_free(path)
            _save_content(path, file, fetch, target, f"resma download {report['id']}")
            output.print_message(f"Saved {path}: {file['bytes']:,} bytes, SHA-256 verified.")
        saved.append({"file": name, "path": str(path), "bytes": file["bytes"], "sha256": file["sha256"]})
    return saved


def count_saved(report: Json, target: OutputTarget, format_: str | None) -> int:
    """Returns the number of files that are saved: for a split report manifest and list, of which a stream gets one."""
    if report.get("splitBy"):
        return 1 if target.is_stream else len(MANIFEST_FILES)
    return len(choose_files(report, format_))


def choose_files(report: Json, format_: str | None = None) -> list[Json]:
    """Returns a report's files, or only that of `format_`. Raises CommandFailedError if none exists."""
    files = [file for file in report["files"] or [] if format_ in {None, file["format"]}]
    if not files:
        formats = ", ".join(file["format"] for file in report["files"] or [])
        why = f"has no {format_}. It has {formats}" if formats else f"is {report['status']} and has no file"
        raise CommandFailedError(ExitCode.NOT_FOUND, f"Report {report['id']} {why}.")
    return files


def _save(api: Api, output: Output, report: Json, file: Json, target: OutputTarget) -> Json:
    report_id, format_ = str(report["id"]), file["format"]

    def fetch(offset: int) -> BaseHTTPResponse:
        return open_file(api.create_download_url(report_id, format_), offset)

    path = _path_for(fetch, target, f"{report_id}.{format_.lower()}")
    _save_content(path, file, fetch, target, f"resma download {report_id}")
    output.print_message(f"Saved {path}: {file['bytes']:,} bytes, SHA-256 verified.")
    return {"format": format_, "path": str(path), "bytes": file["bytes"], "sha256": file["sha256"]}


def _save_content(path: Path, file: Json, fetch: Fetch, target: OutputTarget, command: str) -> None:
    """Saves a file to a path. `command` resumes an interrupted download. Raises CommandFailedError."""
    try:
        save_content(path, file, fetch, target)
    except LinkBrokenError as error:
        detail = f"The download was interrupted ({error}). `{command}` resumes it."
        raise CommandFailedError(ExitCode.UNREACHABLE, detail) from error
    except ContentWrongError as error:
        detail = f"{error} Nothing was saved. Try again; if it happens again, the stored file was changed."
        raise CommandFailedError(ExitCode.FAILED, detail, code="content-wrong") from error


def save_content(path: Path, file: Json, fetch: Fetch, target: OutputTarget) -> None:
    """Saves a file of a known size and SHA-256, and resumes an earlier download of it.

    Raises LinkBrokenError, ContentWrongError and CommandFailedError.
    """
    _require_space(path, file["bytes"])
    with _part(path, file["sha256"], target) as part:
        _fill(part, file, fetch)


def _path_for(fetch: Fetch, target: OutputTarget, default_name: str) -> Path:
    """Returns the path of the file. In a folder its name is the server's, unless that is not a plain file name."""
    if target.folder is None:
        return target.path_of(default_name)
    try:
        answer = fetch(0)
    except LinkBrokenError as error:
        raise CommandFailedError(
            ExitCode.UNREACHABLE, f"The file's URL does not answer ({error}). Try again."
        ) from error
    answer.close()
    match = re.search(r'filename="(\w[\w.-]{0,200})"', answer.headers.get("Content-Disposition", ""), re.ASCII)
    path = target.path_of(match[1] if match else default_name)
    target.require_free(path)
    return path


def _require_space(path: Path, file_bytes: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if file_bytes > free:
        folder = path.parent.absolute()
        detail = f"The file has {file_bytes:,} bytes, and {folder} has {free:,} bytes free. Free some space."
        raise CommandFailedError(ExitCode.FAILED, detail)


@contextlib.contextmanager
def _part(path: Path, sha256: str, target: OutputTarget) -> Iterator[BinaryIO]:
    """Opens the partial file, in the folder of `path`. If the block succeeds, the file is renamed to `path`.

    An interrupted download leaves the partial file for the next one. Its name contains the SHA-256 of the content.
    """
    part = path.with_name(f"{path.name}.{sha256[:12]}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_locked = not part.exists() or part.stat().st_ino != os.fstat(file.fileno()).st_ino
        except BlockingIOError:
            is_locked = True
        if is_locked:
            raise CommandFailedError(ExitCode.FAILED, f"Another `resma` is saving {path}. Wait until it has ended.")
        try:
            yield file
        except ContentWrongError:
            part.unlink()
            raise
        file.flush()
        os.fsync(file.fileno())
        target.require_free(path)
        part.replace(path)


def _fill(part: BinaryIO, file: Json, fetch: Fetch) -> None:
    """Completes the partial file. If continuing an earlier download gives wrong content, downloads the whole file."""
    is_resumed = bool(part.seek(0, os.SEEK_END))
    try:
        _resume(part, file, fetch)
    except ContentWrongError:
        if not is_resumed:
            raise
        part.truncate(0)
        _resume(part, file, fetch)


def _resume(part: BinaryIO, file: Json, fetch: Fetch) -> None:
    digest, tries = hash_of(part), 0
    while (size := part.tell()) < file["bytes"]:
        try:
            answer = fetch(size)
            if answer.status == 200 and size:  # the store ignores the range and sends the whole file
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
            require_progress(size, part.tell())
        except (HTTPError, LinkBrokenError) as error:
            tries += 1
            if tries == TRIES_WITHOUT_PROGRESS:
                raise LinkBrokenError(describe_cause(error)) from error
            sleep(0.2 * 2**tries)
    if part.tell() != file["bytes"] or digest.hexdigest() != file["sha256"]:
        raise ContentWrongError("The received file is not the one that the API describes: its size or SHA-256 differs.")


def hash_of(part: BinaryIO) -> hashlib._Hash:
    """Returns the SHA-256 of the existing content, and sets the position to its end."""
    digest = hashlib.sha256()
    part.seek(0)
    while chunk := part.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest
