"""What a shell completes: values of options, without asking the API."""

from __future__ import annotations

from collections.abc import Callable

from resma_cli.exit_codes import CommandFailedError
from resma_cli.profiles import read_profiles

FORMATS = ("CSV", "NDJSON", "PARQUET", "PDF", "XLSX")
STATUSES = ("PENDING", "GENERATING", "READY", "FAILED", "CANCELLED", "EXPIRED")
LOCALES = ("en-US", "en-GB", "pt-BR", "de-DE")


def complete_profiles(incomplete: str) -> list[str]:
    """Names of profiles."""
    try:
        return [name for name in sorted(read_profiles()) if name.startswith(incomplete)]
    except CommandFailedError:
        return []  # `resma` itself will say what is wrong


def one_of(*values: str) -> Callable[[str], list[str]]:
    """A completion of one of these values, in upper case or lower as the user types."""

    def complete(incomplete: str) -> list[str]:
        is_lower = incomplete != "" and incomplete == incomplete.lower()
        found = [value for value in values if value.lower().startswith(incomplete.lower())]
        return [value.lower() for value in found] if is_lower else found

    return complete


complete_format = one_of(*FORMATS)
complete_status = one_of(*STATUSES)
complete_locale = one_of(*LOCALES)
