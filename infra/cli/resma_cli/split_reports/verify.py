"""Verifies a folder of files of a split report against its manifest, without a network.

The manifest describes the report and has the SHA-256 of the list of files, which is beside it (docs/split-reports.md).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import InvalidOperation
from pathlib import Path
from typing import Any

from resma_cli.amounts import count
from resma_cli.api_client import Json
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.fetch import CHUNK_BYTES
from resma_cli.files import MANIFEST_FILES
from resma_cli.split_reports.sums import FormatSums, compare_sums

VERSION = 1

Show = Callable[[int, int], None]


@dataclass
class Verification:
    """What was verified, and what is wrong."""

    keys: int = 0
    files: int = 0
    rows: int = 0
    """Number of rows of the report. Each format has all of them."""
    bytes: int = 0
    totals: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_manifest(path: Path) -> Json:
    """Returns the manifest of a split report. Raises CommandFailedError if the file is not one."""
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise CommandFailedError(ExitCode.NOT_FOUND, f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandFailedError(ExitCode.USAGE, f"{path} is not JSON. Name the manifest of a split report.") from error
    needed = {"version", "reportId", "formats", "splitBy", "keys", "files", "rows", "totals", "list"}
    if not isinstance(manifest, dict) or not needed <= manifest.keys():
        raise CommandFailedError(ExitCode.USAGE, f"{path} is not the manifest of a split report.")
    if manifest["version"] != VERSION:
        detail = f"{path} has version {manifest['version']}, and this `resma` knows version {VERSION}. Upgrade it."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return manifest


def verify_files(manifest_path: Path, manifest: Json, folder: Path, only: Collection[str], show: Show) -> Verification:
    """Verifies the list of files, each file, and that rows and totals of the files add up to the manifest.

    `only` are the formats whose files the folder must have; empty: all formats. `show` gets the number and the bytes of
    the files so far. Problems are returned and not raised.
    """
    found = Verification(keys=manifest["keys"], rows=manifest["rows"], totals=manifest["totals"])
    found.warnings += _describe_failed_formats(manifest)
    formats = {name: FormatSums() for name in manifest["formats"]}
    names = set(MANIFEST_FILES.values()) | {manifest_path.name}
    seen: Counter[str] = Counter()
    list_path = manifest_path.with_name(MANIFEST_FILES["list"])
    if not _verify_list(list_path, manifest["list"], found):
        return found
    for number, line in _read_lines(list_path, found):
        try:
            name, format_ = str(line["name"]), str(line["format"])
            key = f"{int(line['number'])} {format_}"
            if format_ not in formats:
                found.problems.append(f"Line {number} of the list: the manifest does not have the format {format_}.")
                continue
            seen.update((key, name.casefold()))
            formats[format_].add(line)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
            found.problems.append(f"Line {number} of the list is not the description of a file.")
            continue
        names.add(name)
        found.files += 1
        if not only or format_ in only:
            _verify_file(folder, name, line, found)
        show(found.files, found.bytes)
    _find_duplicates(seen, found)
    if found.files != manifest["files"]:
        found.problems.append(f"The list has {count(found.files, 'file')}, and the manifest {manifest['files']:,}.")
    for format_, sums in formats.items():
        found.problems += compare_sums(format_, sums, manifest)
    _find_extra_files(folder, names, manifest.get("zip"), found)
    return found


def _describe_failed_formats(manifest: Json) -> Iterator[str]:
    for failed in manifest.get("failedFormats") or ():
        name, reason = failed["format"], failed.get("detail", "")
        yield f"The format {name} is in `failedFormats` of the manifest: {reason} Its files are not verified."


def _verify_list(path: Path, expected: Json, found: Verification) -> bool:
    """Verifies size and SHA-256 of the list of files. Returns whether it exists."""
    if not path.is_file():
        found.problems.append(f"{path} is missing. It must be beside the manifest.")
        return False
    _verify_content(path, path.name, expected, found, source="manifest")
    return True


def _verify_content(path: Path, name: str, expected: Json, found: Verification, source: str = "list of files") -> None:
    size = path.stat().st_size
    if size != expected["bytes"]:
        found.problems.append(f"{name} has {count(size, 'byte')}, and the {source} says {expected['bytes']:,}.")
    elif _sha256(path) != expected["sha256"]:
        found.problems.append(f"{name} has another SHA-256 than the {source} says.")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _read_lines(path: Path, found: Verification) -> Iterator[tuple[int, Any]]:
    """Yields the lines of the list with their numbers. Ends at damaged data."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, json.loads(line)
    except (OSError, EOFError, zlib.error, ValueError):
        found.problems.append(f"{path.name} is damaged, so that not all of its lines were read.")


def _verify_file(folder: Path, name: str, line: Json, found: Verification) -> None:
    """Verifies one file. A name with separators is not opened, because it could be any file of this machine."""
    if name in {"", ".", ".."} or any(char in name for char in "/\\\0"):
        found.problems.append(f"File {line['number']}: {name!r} is not the name of a file.")
        return
    path = folder / name
    if not path.is_file():
        found.problems.append(f"{name} is missing.")
        return
    found.bytes += path.stat().st_size
    _verify_content(path, name, line, found)


def _find_duplicates(seen: Counter[str], found: Verification) -> None:
    for value, times in seen.items():
        if times > 1:
            found.problems.append(f"The list has {value!r} {times} times: number and format, or name ignoring case.")


def _find_extra_files(folder: Path, names: set[str], archive: Json | None, found: Verification) -> None:
    for path in sorted(folder.iterdir()):
        if path.name not in names and not (archive and path.suffix == ".zip" and _is_archive(path, archive)):
            found.warnings.append(f"{path.name} is not in the list of files.")


def _is_archive(path: Path, archive: Json) -> bool:
    return path.is_file() and path.stat().st_size == archive["bytes"] and _sha256(path) == archive["sha256"]
