"""Names of files at a destination: a pattern such as `{type}/{date}/{file}`, filled in for each file.

The characters are those that S3, SFTP servers and all file systems accept without escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

PLACEHOLDERS = ("type", "date", "year", "month", "day", "report", "file")
"""Placeholders of a pattern. `report` is the id of the report, and `date` is the day of its data."""

DEFAULT_PATTERN = "{type}/{date}/{file}"
MAX_PATTERN = 200
"""Maximum length of a pattern, in characters."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FIXED = re.compile(r"[A-Za-z0-9._/-]*")
PATTERN_SCHEMA = r"^([A-Za-z0-9._-]|\{[a-z]+\})+(/([A-Za-z0-9._-]|\{[a-z]+\})+)*$"
"""Pattern of a JSON Schema for a pattern of names."""


def pattern_errors(pattern: str) -> Iterator[str]:
    """Yields what is wrong with a pattern of names; nothing if it is valid."""
    for name in dict.fromkeys(_PLACEHOLDER.findall(pattern)):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            yield f"Unknown placeholder {{{name}}}. The placeholders are {known}."
    fixed = _PLACEHOLDER.sub("", pattern)
    if not _FIXED.fullmatch(fixed):
        yield "It must consist of ASCII letters, digits, `.`, `_`, `-`, `/` and placeholders in braces."
    parts = pattern.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        yield "It must be a relative path, without empty parts, `.` and `..`."
    if "{file}" not in parts[-1] or pattern.count("{file}") != 1 or not pattern.endswith("{file}"):
        yield "It must end with {file}, and contain it only once: the name of the file, with its extension."


def fill_pattern(pattern: str, *, type_: str, day: date, report: str, file: str) -> str:
    """Returns the name of a file at its destination. `file` is its own name, which may have folders."""
    values: Mapping[str, str] = {
        "type": type_.lower().replace("_", "-"),
        "date": f"{day:%Y-%m-%d}",
        "year": f"{day:%Y}",
        "month": f"{day:%m}",
        "day": f"{day:%d}",
        "report": report,
        "file": file,
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1]], pattern)
