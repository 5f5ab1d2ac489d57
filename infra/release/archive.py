"""Reproducible ZIP files and checksums: equal content gives equal bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

CHECKSUMS = "SHA256SUMS"

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o755
"""File modes. Lambda runs functions as another user, so all users may read every file."""


def write_archive(folder: Path, target: Path) -> None:
    """Writes the files of a folder into a ZIP, sorted by name and dated 1980-01-01, without compiled Python."""
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = ZipInfo(path.relative_to(folder).as_posix())
                mode = EXECUTABLE_MODE if path.stat().st_mode & 0o100 else FILE_MODE
                entry.external_attr = mode << 16
                entry.compress_type = ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


def write_checksums(folder: Path) -> Path:
    """Writes the SHA-256 of every file of a folder, in the form that `sha256sum --check` reads."""
    target = folder / CHECKSUMS
    files = sorted(path for path in folder.iterdir() if path != target and not path.name.startswith("."))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    target.write_text("".join(lines), encoding="ascii")
    return target
