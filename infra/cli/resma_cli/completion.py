"""Shell completion of option values, without requests to the API."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from pathlib import Path

from resma_cli.exit_codes import CommandFailedError
from resma_cli.profiles import read_profiles

FORMATS = ("CSV", "NDJSON", "PARQUET", "PDF", "XLSX")
STATUSES = ("PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED", "SKIPPED")
LOCALES = ("en-US", "en-GB", "pt-BR", "de-DE", "fr-FR", "es-ES", "it-IT", "es-MX", "en-CA", "ja-JP")


def complete_profiles(incomplete: str) -> list[str]:
    """Returns the names of profiles that start with the incomplete value."""
    try:
        return [name for name in sorted(read_profiles()) if name.startswith(incomplete)]
    except CommandFailedError:
        return []  # the command itself reports the error


def complete_type_folders(incomplete: str) -> list[str]:
    """Returns the names of the report types of the catalog in the working folder."""
    folder = Path(os.environ.get("RESMA_CATALOG") or "reports")
    return sorted(path.parent.name for path in folder.glob(f"{glob.escape(incomplete.lower())}*/report.toml"))


def one_of(*values: str) -> Callable[[str], list[str]]:
    """Returns a completion function for fixed values, which keeps lower case if the user types lower case."""

    def complete(incomplete: str) -> list[str]:
        is_lower = incomplete != "" and incomplete == incomplete.lower()
        matches = [value for value in values if value.lower().startswith(incomplete.lower())]
        return [value.lower() for value in matches] if is_lower else matches

    return complete


complete_format = one_of(*FORMATS)
complete_status = one_of(*STATUSES)
complete_locale = one_of(*LOCALES)
