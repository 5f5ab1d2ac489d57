"""Writes a report's file to standard output, a pipe or a device, and verifies its SHA-256 at the end."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import BinaryIO

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from resma_cli.api_client import Api, Json, describe_cause
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
from resma_cli.target import OutputTarget


def stream_file(api: Api, output: Output, report: Json, file: Json, target: OutputTarget) -> Json:
    """Writes a file to standard output, a pipe or a device, and resumes if the connection breaks.

    The SHA-256 is verified only after everything has been written, so a reader must check the exit code.
    """
    report_id, format_ = str(report["id"]), file["format"]
    stream_content(output, file, lambda offset: open_file(api.create_download_url(report_id, format_), offset), target)
    return {"format": format_, "path": target.path, "bytes": file["bytes"], "sha256": file["sha256"]}


def stream_content(output: Output, file: Json, fetch: Callable[[int], BaseHTTPResponse], target: OutputTarget) -> None:
    """Writes a file of a known size and SHA-256 like `stream_file`. Raises CommandFailedError."""
    try:
        with _sink(target) as sink:
            _copy(sink, file, fetch)
    except LinkBrokenError as error:
        detail = f"The download was interrupted ({error}), and the output is not complete. Try again."
        raise CommandFailedError(ExitCode.UNREACHABLE, detail) from error
    except ContentWrongError as error:
        detail = f"{error} The output must not be used."
        raise CommandFailedError(ExitCode.FAILED, detail, code="content-wrong") from error
    output.print_message(f"Wrote {file['bytes']:,} bytes, SHA-256 verified.")


@contextlib.contextmanager
def _sink(target: OutputTarget) -> Iterator[BinaryIO]:
    if target.is_stdout:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with Path(target.path or "").open("wb") as sink:
            yield sink


def _write(sink: BinaryIO, chunk: bytes) -> None:
    """Writes all bytes. With PYTHONUNBUFFERED, one write to a pipe may write only a part."""
    remaining = memoryview(chunk)
    while remaining:
        remaining = remaining[sink.write(remaining) :]


def _copy(sink: BinaryIO, file: Json, fetch: Callable[[int], BaseHTTPResponse]) -> None:
    digest, written, tries = hashlib.sha256(), 0, 0
    while written < file["bytes"]:
        start = written
        try:
            answer = fetch(written)
            skipped = written if answer.status == 200 else 0  # the store ignores the range and sends the whole file
            for received in answer.stream(CHUNK_BYTES, decode_content=False):
                chunk, skipped = received[skipped:], max(skipped - len(received), 0)
                if written + len(chunk) > file["bytes"]:
                    answer.close()
                    raise ContentWrongError("The received file is longer than the one that the API describes.")
                _write(sink, chunk)
                digest.update(chunk)
                written += len(chunk)
            require_progress(start, written)
            tries = 0
        except (HTTPError, LinkBrokenError) as error:
            tries = 1 if written > start else tries + 1
            if tries == TRIES_WITHOUT_PROGRESS:
                raise LinkBrokenError(describe_cause(error)) from error
            sleep(0.2 * 2**tries)
    if digest.hexdigest() != file["sha256"]:
        raise ContentWrongError("The SHA-256 of the received file differs from the API's.")
