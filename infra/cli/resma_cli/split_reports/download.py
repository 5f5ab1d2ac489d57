"""Saves files of a split report, several at the same time. A file that is already there is not downloaded again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, PoolManager

from resma_cli.api_client import Api, Json, connect_to, path_of
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.fetch import ContentWrongError, LinkBrokenError, open_file
from resma_cli.files import MANIFEST_FILES, hash_of, save_content
from resma_cli.output import Output
from resma_cli.progress import show_files
from resma_cli.target import OutputTarget

DOWNLOADS = 8
"""Number of files that are downloaded at the same time."""
_QUEUED = 4 * DOWNLOADS
"""Maximum number of files that are downloaded or wait for it, so that memory does not depend on the number of files."""
_PAGE = 1000

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows reserves for devices, with any extension."""


class _StoppedError(Exception):
    """The command was interrupted."""


@dataclass(frozen=True)
class _Wanted:
    """A file to save: its name in the folder, and where the API redirects to its content."""

    name: str
    path: str
    query: dict[str, str]
    content: Json
    """`bytes` and `sha256` of the file."""


@dataclass
class SavedFiles:
    """What a download has done."""

    saved: int = 0
    present: int = 0
    """Number of files that the folder had already."""
    bytes: int = 0
    errors: list[str] = field(default_factory=list)


class FileNames:
    """Chooses names in a folder. Names of the API are checked again, because they come from a server."""

    def __init__(self) -> None:
        self._used = set(MANIFEST_FILES.values())

    def choose(self, file: Json) -> str:
        """Returns a name that is safe on every file system, and that no other file has, if case is ignored."""
        name, plain = str(file["name"]), f"{int(file['number'])}.{_extension(file)}"
        if not _PLAIN_NAME.fullmatch(name) or _DEVICE.fullmatch(name) or name.endswith((".", ".part")):
            name = plain
        for candidate in (name, f"{int(file['number'])}-{name}"[:200], plain):
            if candidate.casefold() not in self._used:
                self._used.add(candidate.casefold())
                return candidate
        raise CommandFailedError(ExitCode.FAILED, f"The API lists file {plain} twice. Report this to the operator.")


def _extension(file: Json) -> str:
    return re.sub(r"[^a-z0-9]", "", str(file["format"]).lower()) or "bin"


def list_split_files(api: Api, report_id: str, query: Json, page_size: int = _PAGE) -> Iterator[Json]:
    """Yields the files of a split report. Pages are requested when they are needed."""
    for page in api.each_page(path_of("reports", report_id, "files"), {**query, "limit": page_size}):
        yield from page["files"]


def save_split_files(  # noqa: PLR0913  # what is saved, and where
    api: Api, output: Output, report: Json, query: Json | None, folder: Path, *, objects: Sequence[str], overwrite: bool
) -> SavedFiles:
    """Saves the stored files of a split report that match a query of the API, in a folder that is created if missing.

    None as the query: no files. `objects` are saved too: `manifest`, `list` or `zip`.

    Errors of single files are collected. Raises CommandFailedError if the API rejects a request, and KeyboardInterrupt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _wanted_files(api, report, query, objects)
    total = None if not query or query.get("search") or query.get("format") else _count_files(report)
    download = _Download(api, folder, overwrite)
    result = SavedFiles()
    with ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="download") as threads, show_files(output, total) as show:
        try:
            running = {threads.submit(download.save, file) for file in islice(wanted, _QUEUED)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    _add(result, future)
                running |= {threads.submit(download.save, file) for file in islice(wanted, len(done))}
                show(result.saved + result.present, result.bytes)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            download.stop()
            raise
    return result


def failed_formats(report: Json, query: Json) -> list[str]:
    """Returns the failed formats of a READY split report, whose files the manifest omits, unless one is requested."""
    if report["status"] != "READY" or query.get("format"):
        return []
    return [str(file["format"]) for file in report.get("failedFiles") or ()]


def _count_files(report: Json) -> int:
    """Returns the number of files of a split report that are stored, as far as its status says."""
    split = report["split"]
    if failed := failed_formats(report, {}):
        return int(split["keys"] * (len(report["formats"]) - len(failed)))
    return int(split["files"])


def _add(result: SavedFiles, future: Future[tuple[bool, int]]) -> None:
    try:
        is_new, size = future.result()
    except (LinkBrokenError, ContentWrongError, OSError) as error:
        result.errors.append(str(error))
    except CommandFailedError as error:
        if error.exit_code in {ExitCode.REFUSED, ExitCode.QUOTA}:
            raise  # the other files would fail in the same way
        result.errors.append(str(error))
    else:
        result.saved += is_new
        result.present += not is_new
        result.bytes += size


def _wanted_files(api: Api, report: Json, query: Json | None, objects: Sequence[str]) -> Iterator[_Wanted]:
    report_id, names = str(report["id"]), FileNames()
    for name in objects:
        path = path_of("reports", report_id, "download")
        yield _Wanted(MANIFEST_FILES.get(name, f"{report_id}.zip"), path, {"file": name}, report["split"][name])
    if query is None:
        return
    failed = failed_formats(report, query)
    for file in list_split_files(api, report_id, {**query, "status": "made"}):
        if file["format"] in failed:
            continue
        path = path_of("reports", report_id, "files", str(file["number"]), "download")
        yield _Wanted(names.choose(file), path, {"format": str(file["format"])}, file)


class _Download:
    """Saves files in a folder. Several threads use it."""

    def __init__(self, api: Api, folder: Path, overwrite: bool) -> None:
        self._api = api
        self._folder = folder
        self._overwrite = overwrite
        self._lock = threading.Lock()
        self._is_stopped = False
        self._stores: dict[str, PoolManager] = {}
        self._open: dict[str, BaseHTTPResponse] = {}

    def save(self, file: _Wanted) -> tuple[bool, int]:
        """Saves a file. Returns whether it was missing, and its size.

        Raises CommandFailedError if another file has the name, LinkBrokenError, ContentWrongError and OSError.
        """
        path = self._folder / file.name
        size = int(file.content["bytes"])
        if path.exists():
            if _has_content(path, file.content):
                return False, size
            if not self._overwrite:
                raise CommandFailedError(
                    ExitCode.FAILED,
                    f"{path} exists and is different. Choose another folder, or use `--overwrite`.",
                )
        target = OutputTarget(str(path), self._overwrite)
        try:
            save_content(path, file.content, lambda offset: self._fetch(file, offset), target)
        except (LinkBrokenError, ContentWrongError) as error:
            raise type(error)(f"{path} was not saved: {error}") from error
        finally:
            with self._lock:
                self._open.pop(file.name, None)
        return True, size

    def _fetch(self, file: _Wanted, offset: int) -> BaseHTTPResponse:
        if self._is_stopped:
            raise _StoppedError
        url = self._api.create_url(file.path, file.query)
        answer = open_file(url, offset, self._store(url))
        with self._lock:
            self._open[file.name] = answer
        return answer

    def _store(self, url: str) -> PoolManager:
        """Returns the connections to the object store of a URL."""
        with self._lock:
            return self._stores.setdefault(urlsplit(url).netloc, connect_to(url, DOWNLOADS))

    def stop(self) -> None:
        """Ends the downloads that are in progress. Their partial files are kept."""
        self._is_stopped = True
        with self._lock:
            for answer in self._open.values():
                answer.close()


def _has_content(path: Path, content: Json) -> bool:
    if not path.is_file() or path.stat().st_size != content["bytes"]:
        return False
    with path.open("rb") as file:
        return hash_of(file).hexdigest() == str(content["sha256"])
