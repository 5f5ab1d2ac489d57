"""Names of downloaded files: a fixed name, or a pattern such as `orders-{period}-{country}`.

A name consists of ASCII letters, digits, `-`, `_` and `.`, which every file system, shell and mail program accepts.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Protocol

from resma.catalog.diagnostics import Diagnostic, KeyPath, suggest

PLACEHOLDERS = ("title", "period", "date", "id")
"""Placeholders that every report type has, besides its filters."""

MAX_VALUE = 60
MAX_NAME = 150
"""Maximum lengths of one value and of a whole name, in characters."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""A placeholder of a file name or of a title."""

_FIXED = re.compile(r"[a-z0-9-]+")


class _NamedFilter(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def personal(self) -> bool: ...


def require_file_name(pattern: str) -> str:
    """Raises ValueError if it is neither a fixed name nor a pattern of a name, without the extension."""
    fixed = PLACEHOLDER.sub("", pattern)
    if not pattern or (fixed and not _FIXED.fullmatch(fixed)):
        raise ValueError(
            'It must consist of lower-case letters, digits, - and placeholders in braces, like "orders-{period}".'
        )
    return pattern


def is_pattern(name: str) -> bool:
    """Returns whether a file name has placeholders."""
    return PLACEHOLDER.search(name) is not None


def find_file_name_errors(
    pattern: str, filters: Iterable[_NamedFilter], more: Iterable[str] = (), key_path: KeyPath = ("file_name",)
) -> Iterator[Diagnostic]:
    """Yields placeholders that do not exist, and filters whose values must not be in the name of a file.

    `more` are further placeholders, and `key_path` is the position of the pattern.
    """
    by_name = {item.name: item for item in filters}
    known = [*PLACEHOLDERS, *more]
    key = ".".join(map(str, key_path))
    for name in PLACEHOLDER.findall(pattern):
        if name not in known and name not in by_name:
            remedy = suggest(name, [*known, *by_name])
            yield Diagnostic(f"`{key}`: The placeholder {{{name}}} does not exist. {remedy}", key_path)
        elif name in by_name and by_name[name].personal:
            message = f"`{key}`: The filter '{name}' is personal, so that no file may be named after it. Remove it."
            yield Diagnostic(message, key_path)


def fill_file_name(pattern: str, values: Mapping[str, Any], otherwise: str) -> str:
    """Returns the name of a file, without its extension. A placeholder without a value is left out.

    `values` are by placeholder; lists are joined. `otherwise` is the name if nothing is left.
    """
    return fill_pattern(pattern, values)[:MAX_NAME].rstrip("-") or otherwise


def fill_pattern(pattern: str, values: Mapping[str, Any]) -> str:
    """Returns the pattern with the values of its placeholders. Its length is not limited, and may be 0."""
    return tidy(PLACEHOLDER.sub(lambda match: safe_value(values.get(match[1])), pattern))


def period_in_words(filters: Mapping[str, Any]) -> str:
    """Returns the period of the filters `from` and `to`, as short as possible.

    >>> period_in_words({"from": "2024-03-01", "to": "2024-03-31"}), period_in_words({"from": "2024-03-01"})
    ('2024-03', 'from-2024-03-01')
    """
    first, last = _date_of(filters.get("from")), _date_of(filters.get("to"))
    if first is None or last is None:
        return f"from-{first}" if first else f"to-{last}" if last else ""
    if first == last:
        return str(first)
    if first.day == 1 and last.day == monthrange(last.year, last.month)[1] and first.year == last.year:
        months = (first.month, last.month)
        if months == (1, 12):
            return f"{first.year}"
        if first.month == last.month:
            return f"{first:%Y-%m}"
        if first.month % 3 == 1 and last.month == first.month + 2:
            return f"{first.year}-q{last.month // 3}"
    return f"{first}-to-{last}"


def _date_of(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def safe_value(value: object) -> str:
    """Returns a value in the characters of a name: accents are removed, and other characters become `-`."""
    text = "-".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return tidy(re.sub(r"[^A-Za-z0-9._-]+", "-", plain))[:MAX_VALUE]


def tidy(name: str) -> str:
    """Removes separators at the ends, and all but one between words. A name must not begin with a dot."""
    return re.sub(r"-{2,}", "-", name).strip("-.")
