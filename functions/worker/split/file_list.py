"""Writes the list of a split report's files, `manifest.ndjson.gz`, and proves that they add up to the report."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from isal import isal_zlib

from resma.jobs.claim import Claim
from resma.storage.small_objects import ObjectFile
from worker.split.file_rows import FileRow
from worker.split.proof import FormatProof, ReportSums

MEDIA_TYPE = "application/gzip"

_GZIP = 31
"""Window bits of zlib for a gzip file. Its header has no time (RFC 1952 §2.3), so equal lists have equal bytes."""

_COMPRESSION_LEVEL = 2


class FileList:
    """Writes one line of JSON per file, and adds the files up. Memory does not depend on their number."""

    def __init__(self, claim: Claim, formats: Sequence[str], report: ReportSums) -> None:
        self._split_by = claim.split_by or []
        self._proofs = {format_: FormatProof(format_, report) for format_ in formats}
        self.snapshots: set[int] = set()
        """Numbers of the snapshots that the files' rows were read from."""
        self.files = 0

    def write(self, files: Iterator[FileRow], target: ObjectFile) -> None:
        """Writes the list. Raises ManifestMismatchError if the files do not add up to the report."""
        compressor = isal_zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP)
        for file in files:
            self._add(file)
            if packed := compressor.compress(msgspec.json.encode(self._describe(file)) + b"\n"):
                target.write(packed)
        for proof in self._proofs.values():
            proof.check()
        target.write(compressor.flush())

    def _add(self, file: FileRow) -> None:
        self._proofs[file.format].add(file)
        self.snapshots.add(file.snapshot)
        self.files += 1

    def _describe(self, file: FileRow) -> dict[str, Any]:
        """Returns the line of a file. The order of the properties is part of the format."""
        return {
            "number": file.number,
            "key": dict(zip(self._split_by, file.key, strict=True)),
            "format": file.format,
            "name": file.name,
            "object": file.object_key,
            "bytes": file.bytes,
            "rows": file.rows,
            "totals": file.totals,
            "sha256": file.sha256,
            **({} if file.plain_sha256 is None else {"plainSha256": file.plain_sha256}),
            "pages": file.pages,
            "snapshot": file.snapshot,
        }
