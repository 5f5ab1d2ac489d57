"""Validates files as PDF/A-2b (ISO 19005-2) with veraPDF, the reference implementation, in one run of Java."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.readers.install import VERAPDF
from tests.support.optional_tools import is_wanted


class VeraPdfMissingError(RuntimeError):
    """Java or Maven is not installed. The message says how to install them."""


def is_required() -> bool:
    """Returns whether a missing veraPDF is an error, which is the case if RESMA_WANTS_LANGUAGES contains `java`."""
    return is_wanted("java")


def validate_pdf_a(files: Sequence[Path]) -> list[str]:
    """Returns one line for each file that violates PDF/A-2b. Raises VeraPdfMissingError."""
    if missing := VERAPDF.missing():
        raise VeraPdfMissingError(
            f"PDF/A-2b was not checked: {', '.join(missing)} is not installed. Install it: {VERAPDF.remedy}"
        )
    VERAPDF.make_ready()
    paths = "".join([f"{file.resolve()}\n" for file in files])
    done = subprocess.run(
        VERAPDF.run, cwd=VERAPDF.folder, input=paths, capture_output=True, text=True, timeout=900, check=False
    )
    results = [line.partition("\t")[::2] for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(results) != len(files):
        raise RuntimeError(f"veraPDF validated {len(results)} of {len(files)} files and then stopped:\n{done.stderr}")
    return [f"veraPDF rejects {path}: {result}" for result, path in results if result != "ok"]
